#pragma once

#include <cstdint>

#include <nlohmann/json.hpp>

#include <ipcbridge/ipcbridge.hpp>

// ipcbridge carries MessagePack; this is all it takes to use nlohmann::json with it.

inline ipcbridge::Bytes encode(const nlohmann::json& value) {
  const std::vector<std::uint8_t> bytes = nlohmann::json::to_msgpack(value);
  const auto view = std::as_bytes(std::span(bytes));
  return {view.begin(), view.end()};
}

inline nlohmann::json decode(ipcbridge::BytesView bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return nlohmann::json::from_msgpack(data, data + bytes.size());
}
