#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ipcbridge::python {

// A dtype of a fixed size, as docs/values.md names it.
struct FixedDtype {
  std::string_view name;
  std::size_t size;
};

inline constexpr std::array<FixedDtype, 14> kFixedDtypes{{
    {"|b1", 1},
    {"|i1", 1},
    {"<i2", 2},
    {"<i4", 4},
    {"<i8", 8},
    {"|u1", 1},
    {"<u2", 2},
    {"<u4", 4},
    {"<u8", 8},
    {"<f2", 2},
    {"<f4", 4},
    {"<f8", 8},
    {"<c8", 8},
    {"<c16", 16},
}};

// More dimensions than these no NumPy has.
inline constexpr std::size_t kMaxDimensions = 64;

// How deep a dtype's fields may nest.
inline constexpr unsigned kMaxFieldDepth = 128;

// NumPy's limit of an element's size.
inline constexpr std::size_t kMaxElementSize = 0x7fffffff;

// Counts of elements and of bytes stay below this, so that JavaScript's numbers hold them.
inline constexpr std::uint64_t kMaxArrayBytes = (std::uint64_t{1} << 53U) - 1;

// Null when the name is that of none.
const FixedDtype* fixed_dtype(std::string_view name);

// By a format of the buffer protocol, in the machine's own byte order. Null when there is none of that kind and size.
const FixedDtype* fixed_dtype_of_buffer(const char* format, std::size_t item_size);

// The size of an element of a dtype that is no structure; 0 when there is no such dtype.
std::size_t element_size(std::string_view name);

}  // namespace ipcbridge::python
