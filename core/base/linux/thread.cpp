#include "core/base/thread.hpp"

#include <sys/syscall.h>
#include <unistd.h>

namespace ipcbridge {

bool is_main_thread() { return ::getpid() == static_cast<pid_t>(::syscall(SYS_gettid)); }

}  // namespace ipcbridge
