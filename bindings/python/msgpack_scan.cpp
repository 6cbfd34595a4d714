#include "bindings/python/msgpack_scan.hpp"

#include <algorithm>
#include <array>

namespace ipcbridge::python {
namespace {

enum class Form : std::uint8_t { kUnused, kScalar, kExtension, kList, kMap };

// What a value's first byte says. Its size is in that byte or, big-endian, in the next `width` bytes, and counts the
// bytes of a scalar or of an extension's contents, the items of a list, the pairs of a map. Its weight is what it
// counts towards kMaxWeight: docs/values.md, "Size".
struct Head {
  Form form = Form::kUnused;
  std::uint8_t width = 0;
  std::uint8_t size = 0;
  std::uint8_t weight = 1;
};

constexpr std::uint8_t kHeavy = 4;

// Of the first bytes from 0xc0 to 0xdf, a line for nil and booleans, bytes, extensions, floats, unsigned and signed
// integers, extensions of fixed sizes, strings, lists, maps.
constexpr std::array<Head, 32> kTypedHeads{{
    // clang-format off
    {Form::kScalar, 0, 0}, {Form::kUnused, 0, 0}, {Form::kScalar, 0, 0}, {Form::kScalar, 0, 0},
    {Form::kScalar, 1, 0, kHeavy}, {Form::kScalar, 2, 0, kHeavy}, {Form::kScalar, 4, 0, kHeavy},
    {Form::kExtension, 1, 0, kHeavy}, {Form::kExtension, 2, 0, kHeavy}, {Form::kExtension, 4, 0, kHeavy},
    {Form::kScalar, 0, 4}, {Form::kScalar, 0, 8},
    {Form::kScalar, 0, 1}, {Form::kScalar, 0, 2}, {Form::kScalar, 0, 4}, {Form::kScalar, 0, 8},
    {Form::kScalar, 0, 1}, {Form::kScalar, 0, 2}, {Form::kScalar, 0, 4}, {Form::kScalar, 0, 8},
    {Form::kExtension, 0, 1, kHeavy}, {Form::kExtension, 0, 2, kHeavy}, {Form::kExtension, 0, 4, kHeavy},
    {Form::kExtension, 0, 8, kHeavy}, {Form::kExtension, 0, 16, kHeavy},
    {Form::kScalar, 1, 0}, {Form::kScalar, 2, 0}, {Form::kScalar, 4, 0},
    {Form::kList, 2, 0, kHeavy}, {Form::kList, 4, 0, kHeavy},
    {Form::kMap, 2, 0, kHeavy}, {Form::kMap, 4, 0, kHeavy},
    // clang-format on
}};

constexpr Head head_of(std::size_t first) {
  if (first < 0x80 || first >= 0xe0) return {Form::kScalar, 0, 0};  // small integers
  if (first < 0x90) return {Form::kMap, 0, static_cast<std::uint8_t>(first & 0x0fU), kHeavy};
  if (first < 0xa0) return {Form::kList, 0, static_cast<std::uint8_t>(first & 0x0fU), kHeavy};
  if (first < 0xc0) return {Form::kScalar, 0, static_cast<std::uint8_t>(first & 0x1fU)};
  return kTypedHeads[first - 0xc0];
}

constexpr std::array<Head, 256> kHeads = [] {
  std::array<Head, 256> heads;
  for (std::size_t first = 0; first < heads.size(); ++first) heads[first] = head_of(first);
  return heads;
}();

// The extensions that hold values: docs/values.md, "The bytes".
enum Tag : std::uint8_t { kMapTag = 1, kSetTag = 2, kKwargsTag = 5 };

// A list or map whose items are being read, also as the contents of an extension.
struct Level {
  std::uint64_t items;         // still to come
  const std::byte* outer_end;  // null unless it must end where its extension does: then where the outer values end
};

class Scanner {
 public:
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): clearing the levels would cost more than most scans
  Scanner(ConstBytes bytes, std::size_t max_depth, bool arguments)
      : at_(bytes.data()), end_(at_ + bytes.size()), max_depth_(max_depth), arguments_(arguments) {}

  Scanned scan() {
    if (arguments_ && form_ahead() != Form::kList) return Scanned::kRefused;
    for (;;) {
      if (!read_item() || !close_levels()) return weight_ > kMaxWeight ? Scanned::kTooLarge : Scanned::kRefused;
      if (depth_ == 0) return at_ == end_ ? found_ : Scanned::kRefused;
      --levels_[depth_ - 1].items;
    }
  }

 private:
  std::uint64_t left() const { return static_cast<std::uint64_t>(end_ - at_); }

  Form form_ahead() const { return at_ == end_ ? Form::kUnused : kHeads[std::to_integer<std::uint8_t>(*at_)].form; }

  // Reads a scalar, or what comes before the first item of anything else.
  bool read_item(const std::byte* outer_end = nullptr) {
    if (at_ == end_) return false;
    const Head head = kHeads[std::to_integer<std::uint8_t>(*at_++)];
    std::uint64_t size = head.size;
    weight_ += head.weight;
    if (weight_ > kMaxWeight || head.width > left()) return false;
    for (unsigned i = 0; i < head.width; ++i) size = size << 8U | std::to_integer<std::uint64_t>(*at_++);
    if (size > left()) return false;  // an item takes a byte at least
    switch (head.form) {
      case Form::kScalar:
        at_ += size;
        return true;
      case Form::kExtension:
        return read_extension(size);
      case Form::kList:
        return open_level(size, outer_end);
      case Form::kMap:
        return open_level(2 * size, outer_end);
      case Form::kUnused:
        break;
    }
    return false;
  }

  bool read_extension(std::uint64_t size) {
    if (size >= left()) return false;  // no room for the type
    const auto tag = std::to_integer<std::uint8_t>(*at_++);
    if (tag == kKwargsTag) return begin_keywords(size);
    found_ = std::max(found_, Scanned::kExtended);
    if (tag != kMapTag && tag != kSetTag) {
      at_ += size;
      return true;
    }
    const std::byte* outer_end = end_;
    end_ = at_ + size;
    if (form_ahead() != Form::kList || !read_item(outer_end)) return false;
    return tag == kSetTag || levels_[depth_ - 1].items % 2 == 0;
  }

  // Nothing may follow the keywords, so their map takes the place of the list of arguments: it is no deeper.
  bool begin_keywords(std::uint64_t size) {
    if (!arguments_ || depth_ != 1 || levels_[0].items != 0 || size != left()) return false;
    found_ = Scanned::kKeywords;
    arguments_ = false;
    depth_ = 0;
    return form_ahead() == Form::kMap && read_item();
  }

  bool open_level(std::uint64_t items, const std::byte* outer_end) {
    if (depth_ == max_depth_) return false;
    levels_[depth_++] = {items, outer_end};
    return true;
  }

  bool close_levels() {
    while (depth_ > 0 && levels_[depth_ - 1].items == 0) {
      const std::byte* outer_end = levels_[--depth_].outer_end;
      if (outer_end == nullptr) continue;
      if (at_ != end_) return false;
      end_ = outer_end;
    }
    return true;
  }

  const std::byte* at_;
  const std::byte* end_;
  std::size_t max_depth_;
  bool arguments_;
  Scanned found_ = Scanned::kPlain;
  std::size_t depth_ = 0;
  std::size_t weight_ = 0;
  std::array<Level, kMaxDepth + 1> levels_;
};

}  // namespace

Scanned scan_value(ConstBytes bytes) { return Scanner(bytes, kMaxDepth, false).scan(); }

// The list of arguments is no level of any argument.
Scanned scan_arguments(ConstBytes bytes) { return Scanner(bytes, kMaxDepth + 1, true).scan(); }

}  // namespace ipcbridge::python
