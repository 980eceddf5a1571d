#pragma once
#include <filesystem>
#include <string>

namespace tributary::test {

/// A disk of a few megabytes of this test's own, which can be full. Needs root: mounting is its business.
class SmallDisk {
 public:
  /// Owned by the system's user `owner`; empty: by whoever runs this. Throws std::system_error where nothing can be mounted: see can_mount().
  explicit SmallDisk(const std::string& owner = "");
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  /// Where it cannot, tests are skipped.
  static bool can_mount();

  const std::filesystem::path& path() const { return path_; }
  /// Not a byte is left.
  void fill() const;
  /// What fill() took is there again.
  void make_room() const;

 private:
  std::filesystem::path ballast() const { return path_ / "ballast"; }
  const std::filesystem::path path_;
};

}  // namespace tributary::test
