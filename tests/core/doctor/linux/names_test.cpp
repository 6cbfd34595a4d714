#include <sys/mount.h>

#include <fstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/core/doctor/names_fixture.hpp"

namespace ipcbridge::doctor {
namespace {

// Until the end of the test.
class Tmpfs {
 public:
  Tmpfs(std::string path, unsigned long flags, const char* options)
      : path_(std::move(path)), mounted_(::mount("none", path_.c_str(), "tmpfs", flags, options) == 0) {}
  ~Tmpfs() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  Tmpfs(const Tmpfs&) = delete;
  Tmpfs& operator=(const Tmpfs&) = delete;
  bool mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_;
};

TEST_F(DoctorOfNames, TellsThatAFileSystemIsReadOnly) {
  const Tmpfs tmpfs(names_, MS_RDONLY, "mode=700");
  if (!tmpfs.mounted()) GTEST_SKIP() << "nothing can be mounted";
  expect(Verdict::kFault, "Read-only file system", "writable");
}

TEST_F(DoctorOfNames, TellsThatAFileSystemHasNoRoomForFiles) {
  const Tmpfs tmpfs(names_, 0, "mode=700,nr_inodes=1");
  if (!tmpfs.mounted()) GTEST_SKIP() << "nothing can be mounted";
  expect(Verdict::kFault, "no service can listen in " + names_, "df -i");
}

TEST_F(DoctorOfNames, TellsThatAFileSystemIsFull) {
  const Tmpfs tmpfs(names_, 0, "mode=700,size=4096");
  if (!tmpfs.mounted()) GTEST_SKIP() << "nothing can be mounted";
  std::ofstream(names_ + "/large") << std::string(4096, 'x');
  expect(Verdict::kWarning, "is on a full file system; services can still listen there", "free some space");
}

TEST_F(DoctorOfNames, TellsThatAFullOneIsReadOnly) {
  const Tmpfs tmpfs(names_, MS_RDONLY, "mode=700,nr_inodes=1");
  if (!tmpfs.mounted()) GTEST_SKIP() << "nothing can be mounted";
  expect(Verdict::kFault, "Read-only file system", "writable");
}

}  // namespace
}  // namespace ipcbridge::doctor
