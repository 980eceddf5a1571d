#include "clickhouse/embedded/host_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "clickhouse/embedded/descriptor.hpp"

namespace tributary::clickhouse::embedded {
namespace {

constexpr std::size_t kMostBytes = 64 * 1024;

std::filesystem::path file_in(const std::filesystem::path& folder) { return folder / "host.json"; }

[[noreturn]] void fail(const std::filesystem::path& file) {
  throw std::system_error(errno, std::generic_category(), file.string());
}

}  // namespace

void write_host_file(const std::filesystem::path& folder, const ReadyLine& host) {
  const auto file = file_in(folder);
  const std::filesystem::path aside = file.string() + ".new";
  ::unlink(aside.c_str());  // what somebody else may have put there, a link for example
  const Descriptor descriptor(::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (descriptor.get() < 0) fail(aside);
  const auto text = host.to_string() + '\n';
  for (std::size_t written = 0; written < text.size();) {
    const auto size = ::write(descriptor.get(), text.data() + written, text.size() - written);
    if (size < 0 && errno != EINTR) fail(aside);
    if (size > 0) written += static_cast<std::size_t>(size);
  }
  std::filesystem::rename(aside, file);
}

void remove_host_file(const std::filesystem::path& folder) { std::filesystem::remove(file_in(folder)); }

std::optional<ReadyLine> read_host_file(const std::filesystem::path& folder) {
  const auto file = file_in(folder);
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (descriptor.get() < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    fail(file);
  }
  std::string text(kMostBytes, '\0');
  const auto size = ::read(descriptor.get(), text.data(), text.size());
  if (size < 0) fail(file);
  text.resize(static_cast<std::size_t>(size));
  return ReadyLine::parse(text);
}

bool is_kept(const std::filesystem::path& folder) {
  const Descriptor lock(::open((folder / "lock").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  return lock.get() >= 0 && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

}  // namespace tributary::clickhouse::embedded
