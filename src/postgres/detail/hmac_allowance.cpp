#define OPENSSL_SUPPRESS_DEPRECATED  // libpq calls what OpenSSL 3 calls deprecated
#include "postgres/detail/hmac_allowance.hpp"

#include <dlfcn.h>
#include <openssl/hmac.h>

#include <climits>

namespace tributary::postgres::detail {
namespace {

thread_local int left = INT_MAX;

}  // namespace

HmacAllowance::HmacAllowance() { left = kMost; }
HmacAllowance::~HmacAllowance() { left = INT_MAX; }

/// Stands before OpenSSL's function of this name for the whole process, as the program's own symbols come first: libpq has no limit and no hook.
extern "C" int HMAC_Init_ex(HMAC_CTX* context, const void* key, int length, const EVP_MD* digest, ENGINE* engine) {
  static const auto next = reinterpret_cast<decltype(&HMAC_Init_ex)>(dlsym(RTLD_NEXT, "HMAC_Init_ex"));
  if (left != INT_MAX && --left < 0) return 0;
  return next(context, key, length, digest, engine);
}

}  // namespace tributary::postgres::detail
