#include "core/doctor/doctor.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge::doctor {
namespace {

using testing_support::fail_with;
using testing_support::FaultySystem;
using testing_support::ScopedEnvironment;
using testing_support::TemporaryDirectory;

class DoctorOfFaults : public testing::Test {
 protected:
  Finding look_at(const std::string& check) {
    for (Finding& finding : examine(system_)) {
      if (finding.check == check) return finding;
    }
    ADD_FAILURE() << "nobody looks at " << check;
    return {};
  }

  void expect(Verdict verdict, const std::string& check, const std::string& found, const std::string& remedy) {
    const Finding finding = look_at(check);
    EXPECT_EQ(finding.verdict, verdict) << finding.found;
    EXPECT_NE(finding.found.find(found), std::string::npos) << finding.found;
    EXPECT_NE(finding.remedy.find(remedy), std::string::npos) << finding.remedy;
  }

  FaultySystem system_;
  TemporaryDirectory directory_;
  ScopedEnvironment environment_{"IPCBRIDGE_DIR", directory_.path()};
};

TEST_F(DoctorOfFaults, SaysThatAKernelHasNoMemfd) {
  system_.on_memfd = fail_with(ENOSYS);
  expect(Verdict::kFault, "shared memory", "cannot create shared memory: Function not implemented",
         "Linux 5.1 or later");
}

TEST_F(DoctorOfFaults, SaysThatASandboxForbidsMemfds) {
  system_.on_memfd = fail_with(EPERM);
  expect(Verdict::kFault, "shared memory", "connections stay on sockets", "seccomp");
}

TEST_F(DoctorOfFaults, SaysThatThereIsNoMemoryForASegment) {
  system_.on_fallocate = fail_with(ENOSPC);
  expect(Verdict::kFault, "shared memory", "No space left on device", "memory limit");
}

TEST_F(DoctorOfFaults, SaysThatThereAreNoDescriptors) {
  for (const auto hook : {&FaultySystem::on_memfd, &FaultySystem::on_socketpair, &FaultySystem::on_epoll_create,
                          &FaultySystem::on_eventfd, &FaultySystem::on_open}) {
    system_.*hook = fail_with(EMFILE);
  }
  for (const char* check : {"shared memory", "Unix sockets", "wake-ups", "names"}) {
    expect(Verdict::kFault, check, "Too many open files", "ulimit -n");
  }
}

TEST_F(DoctorOfFaults, SaysThatDescriptorsCannotBePassed) {
  system_.on_sendmsg = fail_with(EPERM);
  expect(Verdict::kFault, "Unix sockets", "descriptors cannot be passed", "seccomp");
}

TEST_F(DoctorOfFaults, WarnsWherePathsCannotBeWatched) {
  system_.on_inotify_init = fail_with(EMFILE);
  expect(Verdict::kWarning, "path watching", "no inotify instances", "fs.inotify.max_user_instances");
}

TEST_F(DoctorOfFaults, SaysThatThereAreNoThreads) {
  system_.on_thread = fail_with(EAGAIN);
  expect(Verdict::kFault, "threads", "cannot start a thread", "pids-limit");
}

TEST_F(DoctorOfFaults, SaysThatFilesCannotBeLocked) {
  system_.on_flock = fail_with(ENOLCK);
  expect(Verdict::kFault, "names", "must be one whose files can be locked", "local file system");
}

}  // namespace
}  // namespace ipcbridge::doctor
