#include "core/base/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "core/base/fd.hpp"
#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::fail_with;
using testing_support::FaultySystem;
using testing_support::ScopedEnvironment;
using testing_support::TemporaryDirectory;

class ServiceManager : public testing::Test {
 protected:
  ServiceManager() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size());
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }

  // What it was told next; "" when nothing.
  std::string heard() {
    std::array<char, 64> bytes{};
    const ssize_t size = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    return size < 0 ? "" : std::string(bytes.data(), static_cast<std::size_t>(size));
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_ / "notify";
  ScopedEnvironment environment_{"NOTIFY_SOCKET", path_};
  Fd socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(ServiceManager, IsToldOfTheFirstServiceThatListensAndOfTheLastThatGoes) {
  {
    OpenService first(System::real());
    EXPECT_EQ(heard(), "");
    first.note_listening();
    EXPECT_EQ(heard(), "READY=1");
    {
      OpenService second(System::real());
      second.note_listening();
    }
    EXPECT_EQ(heard(), "");
  }
  EXPECT_EQ(heard(), "STOPPING=1");
}

TEST_F(ServiceManager, IsToldNothingOfAServiceThatNeverListened) {
  { const OpenService service(System::real()); }
  EXPECT_EQ(heard(), "");
}

TEST_F(ServiceManager, IsLeftAloneWhereItCannotBeTold) {
  FaultySystem system;
  system.on_socket = fail_with(EMFILE, 1);
  system.on_sendmsg = fail_with(EAGAIN, 1);
  {
    OpenService service(system);
    service.note_listening();
  }
  EXPECT_EQ(heard(), "");
  OpenService service(system);
  service.note_listening();
  EXPECT_EQ(heard(), "READY=1");
}

}  // namespace
}  // namespace ipcbridge
