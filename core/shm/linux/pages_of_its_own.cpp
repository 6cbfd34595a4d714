#include "core/shm/linux/pages_of_its_own.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <cstdint>
#include <mutex>

#include "core/base/fd.hpp"
#include "core/base/per_process.hpp"

namespace ipcbridge::shm {
namespace {

// linux/fs.h of Linux 6.7; Documentation/admin-guide/mm/pagemap.rst.
struct PageRegion {
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t categories;
};

struct PagemapScan {
  std::uint64_t size;
  std::uint64_t flags;
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t walk_end;
  std::uint64_t regions;
  std::uint64_t region_count;
  std::uint64_t max_pages;
  std::uint64_t category_inverted;
  std::uint64_t category_mask;
  std::uint64_t category_anyof_mask;
  std::uint64_t return_mask;
};

constexpr unsigned long kPagemapScan = _IOWR('f', 16, PagemapScan);
constexpr std::uint64_t kOfAFile = 1U << 2U;
constexpr std::uint64_t kIsPresent = 1U << 3U;
constexpr std::uint64_t kIsSwapped = 1U << 4U;

// It shows the process that has opened it, also in its children. Opened again where there was no descriptor to be had.
class Pagemap {
 public:
  int fd() {
    const std::lock_guard lock(mutex_);
    if (!file_.valid()) file_ = Fd(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
    return file_.get();
  }

 private:
  std::mutex mutex_;
  Fd file_;
};

int pagemap() {
  static PerProcess<Pagemap> pagemap;
  return pagemap.get().fd();
}

}  // namespace

bool may_have_pages_of_its_own(const std::byte* memory, std::size_t size) {
  PageRegion first{};
  PagemapScan scan{};
  scan.size = sizeof scan;
  scan.start = reinterpret_cast<std::uintptr_t>(memory);
  scan.end = scan.start + size;
  scan.regions = reinterpret_cast<std::uintptr_t>(&first);
  scan.region_count = 1;
  scan.max_pages = 1;
  // Those that are somewhere, and are not the file's.
  scan.category_inverted = kOfAFile;
  scan.category_mask = kOfAFile;
  scan.category_anyof_mask = kIsPresent | kIsSwapped;
  scan.return_mask = kIsPresent;
  return ::ioctl(pagemap(), kPagemapScan, &scan) != 0;
}

}  // namespace ipcbridge::shm
