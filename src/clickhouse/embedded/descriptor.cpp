#include "clickhouse/embedded/descriptor.hpp"

#include <fcntl.h>

#include <cerrno>
#include <system_error>

namespace tributary::clickhouse::embedded {

Pipe Pipe::open() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

}  // namespace tributary::clickhouse::embedded
