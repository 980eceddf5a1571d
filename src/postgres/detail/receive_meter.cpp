#include "postgres/detail/receive_meter.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace tributary::postgres::detail {
namespace {

thread_local ReceiveMeter* current = nullptr;

}  // namespace

Metered::Metered(ReceiveMeter& meter) { current = &meter; }
Metered::~Metered() { current = nullptr; }

/// Stands before libc's function of this name for the whole process, as the program's own symbols come first: libpq reads with it, with TLS and without,
/// and has no hook. Does what libc's does, but for a metered call.
extern "C" ssize_t recv(int socket, void* buffer, size_t length, int flags) {
  auto* meter = current;
  if (meter == nullptr) return recvfrom(socket, buffer, length, flags, nullptr, nullptr);
  if (meter->exhausted()) {
    errno = EWOULDBLOCK;
    return -1;
  }
  const auto size =
      recvfrom(socket, buffer, std::min<std::uint64_t>(length, meter->until - meter->total), flags, nullptr, nullptr);
  if (size > 0) meter->total += static_cast<std::uint64_t>(size);
  return size;
}

}  // namespace tributary::postgres::detail
