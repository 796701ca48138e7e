#include <node_api.h>

static napi_value words(napi_env env, napi_callback_info info) {
  napi_value result;
  napi_create_string_utf8(env, "compiled here", NAPI_AUTO_LENGTH, &result);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "words", NAPI_AUTO_LENGTH, words, NULL, &function);
  return function;
}
