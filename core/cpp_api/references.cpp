#include "core/cpp_api/references.hpp"

#include <string>
#include <vector>

#include <ipcbridge/error.hpp>

#include "core/cpp_api/extension_types.hpp"
#include "core/cpp_api/msgpack.hpp"
#include "core/rpc/references.hpp"

namespace ipcbridge {
namespace {

struct Found {
  bool any = false;
  std::vector<std::uint64_t> retained;  // as often as they are named
};

void add(Found& found, ConstBytes contents) {
  std::uint64_t id = 0;
  if (!msgpack::Reader(contents).number(sizeof(id), id)) return;
  found.any = true;
  if (References::is_retained(id)) found.retained.push_back(id);
}

// Whether a value of this first byte may hold others or is of an extension type, as most are not. From MessagePack's
// specification, "Formats".
bool may_have_references(std::byte first) {
  const auto byte = std::to_integer<std::uint8_t>(first);
  const bool is_short_container = byte >= 0x80 && byte <= 0x9f;
  const bool is_extension = (byte >= 0xc7 && byte <= 0xc9) || (byte >= 0xd4 && byte <= 0xd8);
  return is_short_container || is_extension || byte >= 0xdc;  // long ones, and small negative numbers
}

Found find_references(ConstBytes value) {
  Found found;
  if (value.empty() || !may_have_references(value.front())) return found;
  msgpack::Reader reader(value);
  const bool is_value = reader.walk([&](std::int8_t type, ConstBytes contents) {
    if (type == extension_type::kFunction || type == extension_type::kObject) add(found, contents);
    return type == extension_type::kMap || type == extension_type::kSet || type == extension_type::kKwargs;
  });
  // To release what is none would be a violation.
  return is_value && reader.at_end() ? found : Found();
}

}  // namespace

void refuse_references(Driver& driver, std::uint64_t connection, ConstBytes value, std::string_view what,
                       std::string_view remedy) {
  const Found found = find_references(value);
  if (!found.any) return;
  for (const std::uint64_t id : found.retained) driver.release_reference(connection, id, 1);
  throw IpcError(
      Code::kUnimplemented,
      std::string(what) + " a function, or an object by reference, and C++ takes values only: " + std::string(remedy));
}

}  // namespace ipcbridge
