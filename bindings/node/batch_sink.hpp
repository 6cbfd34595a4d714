#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bindings/node/request_table.hpp"
#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/endpoint/events.hpp"

namespace ipcbridge::node {

// Writes the events of a turn into memory that JavaScript owns: a row of numbers each into a table, the bytes
// into a slab. So a batch crosses in one call and without making an object per event. js/src/native.ts
// describes the rows.
class BatchSink final : public EventSink {
 public:
  static constexpr std::size_t kRowWords = 16;

  explicit BatchSink(RequestTable& requests) : requests_(requests) {}

  void use(std::span<std::uint32_t> table, MutableBytes slab);
  void reset();

  // A batch that took longer than `budget` to handle makes the next ones smaller, so that what else waits for
  // the event loop gets its turn between slow handlers; quick ones make them larger again.
  bool adapts() const { return rows_ > 1 || limit_ < most_rows(); }
  void adapt(Duration took, Duration budget);

  std::uint32_t size() const { return static_cast<std::uint32_t>(rows_); }
  bool empty() const { return rows_ == 0; }

  // A message that is too long for the slab; a row's last word says which, counted from 1. Its memory is given back.
  void copy_long_message(std::uint32_t number, MutableBytes into);

  // How many clients and servers are closed by what the rows say.
  std::size_t handles_closed() const { return handles_closed_; }

  // The requests that there was no memory for; JavaScript does not hear of them.
  std::span<const RequestKey> refused() const { return refused_; }

  bool has_room() const override;
  void on_event(const Event& event) override;

 private:
  struct Place {
    std::uint32_t start = 0;
    std::uint32_t end = 0;
  };

  struct Message {
    Place payload;
    Place metadata;
    std::uint32_t number = 0;  // among the long messages; 0: in the slab
  };

  void add_row(const Event& event);
  // In place of a row that there was no memory for.
  void add_failure(const Event& event);
  static Place place_in(const Buffer& storage, ConstBytes bytes);
  Place copy(ConstBytes bytes);
  Message take(const Event& event, ConstBytes payload);
  std::optional<std::uint32_t> token_of(const Event& event);
  std::size_t most_rows() const { return table_.size() / kRowWords; }

  RequestTable& requests_;
  std::span<std::uint32_t> table_;
  MutableBytes slab_;
  std::size_t rows_ = 0;
  std::size_t limit_ = 0;
  std::size_t used_ = 0;
  std::size_t handles_closed_ = 0;
  // Both have room for as many as there are rows, so that nothing is allocated to tell of a failure.
  std::vector<Buffer> long_messages_;
  std::vector<RequestKey> refused_;
};

}  // namespace ipcbridge::node
