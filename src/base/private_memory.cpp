#include "base/private_memory.hpp"

#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <system_error>

namespace tributary {

void wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

void keep_memory_private() {
  const rlimit none{0, 0};
  // The limit is for files only: a core that goes to a program (core_pattern with a pipe) is kept back by the second.
  if (::setrlimit(RLIMIT_CORE, &none) != 0) throw std::system_error(errno, std::system_category(), "setrlimit(RLIMIT_CORE)");
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) throw std::system_error(errno, std::system_category(), "prctl(PR_SET_DUMPABLE)");
}

}  // namespace tributary
