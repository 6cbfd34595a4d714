#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ipcbridge {

// Servers that share a name each listen at a path of their own, PATH@1, PATH@2 and so on, where PATH is that of a
// server that has the name for itself. A number that is free again is taken by the next who comes.
inline constexpr std::uint32_t kMostMembers = 1024;

// What is added to PATH: "@7".
std::string member_suffix(std::uint32_t number);

// The numbers in ascending order, dead ones among them; none when the directory cannot be read.
std::vector<std::uint32_t> find_members(const std::string& path);

}  // namespace ipcbridge
