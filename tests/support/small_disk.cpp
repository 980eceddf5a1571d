#include "support/small_disk.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/uuid.hpp"

namespace tributary::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSize = "size=64m,mode=0755";

std::system_error failure(const char* what) { return {errno, std::generic_category(), what}; }

}  // namespace

SmallDisk::SmallDisk(const std::string& owner)
    : path_(fs::temp_directory_path() / ("tributary-disk-" + Uuid::random().to_string().substr(0, 8))) {
  fs::create_directory(path_);
  if (::mount("tmpfs", path_.c_str(), "tmpfs", 0, kSize) != 0) {
    const auto error = failure("mount");
    fs::remove(path_);
    throw error;
  }
  const passwd* user = owner.empty() ? nullptr : ::getpwnam(owner.c_str());
  if (user != nullptr && ::chown(path_.c_str(), user->pw_uid, user->pw_gid) != 0) throw failure("chown");
}

SmallDisk::~SmallDisk() {
  ::umount2(path_.c_str(), MNT_DETACH);
  std::error_code ignored;
  fs::remove(path_, ignored);
}

bool SmallDisk::can_mount() {
  try {
    const SmallDisk disk;
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

void SmallDisk::fill() const {
  const int file = ::open(ballast().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) throw failure("open");
  constexpr std::array<char, 4'096> kPage{};
  while (::write(file, kPage.data(), kPage.size()) > 0) continue;
  const bool is_full = errno == ENOSPC;
  ::close(file);
  if (!is_full) throw failure("write");
}

void SmallDisk::make_room() const { fs::remove(ballast()); }

}  // namespace tributary::test
