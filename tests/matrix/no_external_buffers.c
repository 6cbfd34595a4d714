// Preloaded, it refuses external buffers, as Electron does. Loaded as an addon, it tells what comes of asking for one.

#include <stddef.h>

#include <node_api.h>

#ifdef PRELOADED

napi_status napi_create_external_buffer(napi_env env, size_t length, void* data, node_api_nogc_finalize finalize,
                                        void* hint, napi_value* result) {
  (void)env, (void)length, (void)data, (void)finalize, (void)hint, (void)result;
  return napi_no_external_buffers_allowed;
}

napi_status napi_create_external_arraybuffer(napi_env env, void* data, size_t length, node_api_nogc_finalize finalize,
                                             void* hint, napi_value* result) {
  return napi_create_external_buffer(env, length, data, finalize, hint, result);
}

#else

NAPI_MODULE_INIT() {
  static char bytes[16];
  napi_value buffer = NULL;
  const napi_status status = napi_create_external_buffer(env, sizeof bytes, bytes, NULL, NULL, &buffer);
  napi_value number = NULL;
  napi_create_uint32(env, status, &number);
  napi_set_named_property(env, exports, "status", number);
  return exports;
}

#endif
