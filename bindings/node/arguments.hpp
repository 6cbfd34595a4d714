#pragma once

#include <array>
#include <exception>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <napi.h>

#include "bindings/node/environment.hpp"
#include "bindings/node/wide_ids.hpp"

namespace ipcbridge::node {

inline constexpr std::size_t kMaxArguments = 11;

// What a method returns: the code of a failure, a handle or a code made negative, or an object, in place of which it
// throws.
enum class Returns : std::uint8_t { kStatus, kHandle, kObject };

class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    std::size_t count = kMaxArguments;
    void* data = nullptr;
    napi_get_cb_info(env, info, &count, values_.data(), nullptr, &data);
    environment_ = static_cast<Environment*>(data);
  }

  napi_env env() const { return env_; }
  Environment& environment() const { return *environment_; }
  napi_value value(std::size_t at) const { return values_[at]; }

  std::uint32_t u32(std::size_t at) const {
    std::uint32_t number = 0;
    napi_get_value_uint32(env_, values_[at], &number);
    return number;
  }
  double number(std::size_t at) const {
    double number = 0;
    napi_get_value_double(env_, values_[at], &number);
    return number;
  }
  std::string text(std::size_t at) const { return Napi::String(env_, values_[at]).Utf8Value(); }

  // Of an array of numbers.
  std::vector<std::uint64_t> wide_ids(std::size_t at) const {
    std::uint32_t count = 0;
    if (napi_get_array_length(env_, values_[at], &count) != napi_ok) return {};
    std::vector<std::uint64_t> ids(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      napi_value element = nullptr;
      double number = 0;
      napi_get_element(env_, values_[at], i, &element);
      napi_get_value_double(env_, element, &number);
      ids[i] = wide_id(number);
    }
    return ids;
  }

  std::span<std::byte> bytes(std::size_t at) const {
    void* data = nullptr;
    std::size_t size = 0;
    if (napi_get_typedarray_info(env_, values_[at], nullptr, &size, &data, nullptr, nullptr) != napi_ok) return {};
    return {static_cast<std::byte*>(data), size};
  }

  // The code of a failure; undefined, which costs nothing to make, of success.
  napi_value result(const Status& status) const {
    if (status.ok()) return nullptr;
    environment_->last_error = status.error();
    return Napi::Number::New(env_, static_cast<double>(status.error().code));
  }

  // A new handle, or the code of the failure made negative.
  napi_value handle(const Result<std::uint32_t>& made) const {
    if (made.ok()) return Napi::Number::New(env_, made.value());
    environment_->last_error = made.error();
    return Napi::Number::New(env_, -static_cast<double>(made.error().code));
  }

  // A failure for which there may be no memory to tell much of.
  napi_value failed(Code code, std::string_view message, Returns returns) const {
    try {
      environment_->last_error = Error{code, std::string(message)};
    } catch (const std::bad_alloc&) {
      environment_->last_error = Error{code, {}};
    }
    if (returns == Returns::kObject) {
      napi_throw_error(env_, nullptr, environment_->last_error.message.c_str());
      return nullptr;
    }
    const auto number = static_cast<double>(code);
    return Napi::Number::New(env_, returns == Returns::kHandle ? -number : number);
  }

 private:
  napi_env env_;
  Environment* environment_ = nullptr;
  std::array<napi_value, kMaxArguments> values_{};
};

// C++ exceptions must not reach the engine, which would end the process: there may be no memory for one call.
template <napi_callback Method, Returns kReturns = Returns::kStatus>
napi_value guarded(napi_env env, napi_callback_info info) {
  try {
    return Method(env, info);
  } catch (const std::bad_alloc&) {
    return Arguments(env, info).failed(Code::kResourceExhausted, "no memory for this call", kReturns);
  } catch (const std::exception& failure) {
    return Arguments(env, info).failed(Code::kInternal, failure.what(), kReturns);
  }
}

inline Error not_encoded() { return {Code::kInternal, "the bytes to send are not in the memory that was registered"}; }

}  // namespace ipcbridge::node
