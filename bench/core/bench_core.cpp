// Measures a call from one C++ process to another over shared memory, one in flight, 10 bytes each way, and the
// ring alone, in both cases spinning. Prints one line of JSON; times are microseconds.

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <string>
#include <vector>

#include <ipcbridge/ipcbridge.hpp>

#include "core/base/clock.hpp"
#include "core/base/cpu.hpp"
#include "core/shm/ring.hpp"

namespace {

using namespace ipcbridge;

constexpr std::size_t kPayloadBytes = 10;
constexpr int kWarmup = 20'000;
constexpr int kCalls = 200'000;

struct Percentiles {
  double p50 = 0;
  double p99 = 0;
};

template <typename RoundTrip>
Percentiles measure(RoundTrip round_trip) {
  for (int i = 0; i < kWarmup; ++i) round_trip();
  std::vector<Duration> times(kCalls);
  for (Duration& time : times) {
    const TimePoint start = Clock::now();
    round_trip();
    time = Clock::now() - start;
  }
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(times.size() - 1));
    return std::chrono::duration<double, std::micro>(times[index]).count();
  };
  return {at(0.5), at(0.99)};
}

// The other process: forked while there is nothing yet that must not be forked, killed at the end.
class Peer {
 public:
  template <typename Body>
  explicit Peer(Body body) : pid_(::fork()) {
    if (pid_ < 0) std::abort();
    if (pid_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
    ::_exit(0);
  }
  ~Peer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

 private:
  pid_t pid_;
};

// Two segments as a connection has them, in memory that both processes have mapped already.
struct Segments {
  struct Segment {
    shm::SharedState state;
    alignas(shm::kPadding) std::array<std::byte, shm::kDefaultRingBytes> ring;
  };
  Segment client;
  Segment server;
};

struct End {
  End(Segments::Segment& own, Segments::Segment& peer)
      : writer(own.state, own.ring.data(), own.ring.size(), peer.state),
        reader(peer.state, peer.ring.data(), peer.ring.size(), own.state) {}

  void send(const FrameHeader& header, ConstBytes body) {
    while (!writer.write(header, std::span(&body, 1))) cpu_relax();
  }

  // Gives the record to `use` while it is still in the ring.
  template <typename Use>
  void receive(Use use) {
    shm::RingReader::Record record;
    while (reader.peek(record) != shm::RingReader::Next::kRecord) {
      __builtin_prefetch(reader.next_record());  // as the Driver does
      cpu_relax();
    }
    use(record);
    reader.consume();
    reader.publish();
  }

  shm::RingWriter writer;
  shm::RingReader reader;
};

Percentiles measure_ring() {
  void* memory = ::mmap(nullptr, sizeof(Segments), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  auto& segments = *new (memory) Segments;
  const Peer peer([&] {
    End end(segments.server, segments.client);
    for (;;) end.receive([&](const auto& record) { end.send(record.header, record.body); });
  });
  End end(segments.client, segments.server);
  const Bytes payload(kPayloadBytes);
  FrameHeader header{};
  header.length = kPayloadBytes;
  header.type = FrameType::kRequest;
  return measure([&] {
    end.send(header, payload);
    end.receive([](const auto&) {});
  });
}

// A fresh directory, removed with everything in it.
class Directory {
 public:
  Directory() {
    std::string name = std::filesystem::temp_directory_path() / "ipcbridge-bench-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

Percentiles measure_call() {
  const Directory directory;
  const std::string address = "shm://" + (directory.path() / "service").string();
  const Peer peer([&] {
    Bridge bridge;
    const auto echo = [](const IncomingCall& call) { return Bytes(call.arguments.begin(), call.arguments.end()); };
    Service service = bridge.serve(address, {{"echo", echo}}, {.threads = 1});
    service.wait();
  });
  Bridge bridge;
  Remote remote = bridge.connect(address);
  const Bytes payload(kPayloadBytes);
  return measure([&] {
    if (remote.call("echo", payload).size() != kPayloadBytes) std::abort();
  });
}

}  // namespace

int main() {
  // The ring first: its peer is forked from a process without threads, and so is the call's.
  const Percentiles ring = measure_ring();
  const Percentiles call = measure_call();
  std::printf(
      "{\"call_p50_us\":%.3f,\"call_p99_us\":%.3f,\"ring_rtt_p50_us\":%.3f,\"ring_rtt_p99_us\":%.3f,"
      "\"payload_bytes\":%zu,\"calls\":%d}\n",
      call.p50, call.p99, ring.p50, ring.p99, kPayloadBytes, kCalls);
}
