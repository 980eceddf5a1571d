#include "clickhouse/embedded/confinement.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>

#include "clickhouse/embedded/descriptor.hpp"

namespace tributary::clickhouse::embedded {
namespace {

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

// ---- files --------------------------------------------------------------------------------------------------------------------------

/// Since Linux 6.2; Debian 12's headers are those of 6.1.
constexpr std::uint64_t kTruncate = std::uint64_t{1} << 14U;
constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kFileOnly =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE | kTruncate;

/// Everything that can be forbidden. Version n of the interface knows what the versions before it knew, and more.
std::uint64_t handled(int version) {
  std::uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1U) - 1;
  if (version >= 2) all |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) all |= kTruncate;
  return all;
}

/// What the engine asks of the kernel: how much memory and how many processors there are, and about itself. Not all of /proc, where other
/// processes' arguments and environments are.
constexpr std::array kSystemFiles{"/proc/self",     "/proc/meminfo",       "/proc/cpuinfo",  "/proc/stat", "/proc/sys/kernel",
                                  "/proc/sys/vm",   "/sys/devices/system", "/sys/fs/cgroup", "/dev/null",  "/dev/urandom",
                                  "/etc/localtime", "/usr/share/zoneinfo", "/usr/lib",       "/lib"};

/// A path that is not there is passed over.
void allow(int ruleset, const std::filesystem::path& path, std::uint64_t access) {
  const Descriptor place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (place.get() < 0) return;
  struct stat info{};
  if (::fstat(place.get(), &info) != 0) fail(path.string());
  if (!S_ISDIR(info.st_mode)) access &= kFileOnly;
  const landlock_path_beneath_attr rule{.allowed_access = access, .parent_fd = place.get()};
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) fail("Landlock: " + path.string());
}

bool confine_files(const ConfinementParams& params) {
  const auto version = static_cast<int>(::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
  if (version < 1) return false;
  const landlock_ruleset_attr everything{.handled_access_fs = handled(version)};
  const Descriptor ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &everything, sizeof everything.handled_access_fs, 0)));
  if (ruleset.get() < 0) fail("Landlock");
  constexpr std::uint64_t kNever =
      LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SOCK;
  allow(ruleset.get(), params.writable, handled(version) & ~kNever);
  for (const auto& path : params.readable) allow(ruleset.get(), path, kRead);
  for (const auto* path : kSystemFiles) allow(ruleset.get(), path, kRead);
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) fail("Landlock");
  return true;
}

// ---- system calls -------------------------------------------------------------------------------------------------------------------

/// New ways to the outside, other programs, other processes, and what is known for holes in the kernel.
constexpr std::array kForbidden{SYS_socket,          SYS_socketpair,     SYS_connect,           SYS_bind,
                                SYS_listen,          SYS_execve,         SYS_execveat,          SYS_fork,
                                SYS_vfork,           SYS_ptrace,         SYS_process_vm_readv,  SYS_process_vm_writev,
                                SYS_pidfd_getfd,     SYS_mount,          SYS_umount2,           SYS_pivot_root,
                                SYS_chroot,          SYS_setns,          SYS_unshare,           SYS_bpf,
                                SYS_perf_event_open, SYS_io_uring_setup, SYS_userfaultfd,       SYS_keyctl,
                                SYS_add_key,         SYS_request_key,    SYS_open_by_handle_at, SYS_kexec_load,
                                SYS_init_module,     SYS_finit_module};

sock_filter load(std::size_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
sock_filter answer(std::uint32_t what) { return BPF_STMT(BPF_RET | BPF_K, what); }
/// Runs the next instruction where `test` holds for `value`, else skips it.
sock_filter next_if(std::uint16_t test, std::uint32_t value) {
  return BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), value, 0, 1);
}
sock_filter skip_next_if(std::uint16_t test, std::uint32_t value) {
  return BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), value, 1, 0);
}

bool confine_calls() {
  constexpr std::uint32_t kRefuse = SECCOMP_RET_ERRNO | EPERM;
  std::vector<sock_filter> filter{load(offsetof(seccomp_data, arch)), skip_next_if(BPF_JEQ, AUDIT_ARCH_X86_64),
                                  answer(SECCOMP_RET_KILL_PROCESS),   load(offsetof(seccomp_data, nr)),
                                  next_if(BPF_JGE, 0x40000000),       answer(kRefuse)};  // the same calls by their x32 numbers
  for (const auto number : kForbidden) {
    filter.push_back(next_if(BPF_JEQ, static_cast<std::uint32_t>(number)));
    filter.push_back(answer(kRefuse));
  }
  // clone3 has its flags in memory, where a filter cannot look: without it the C library falls back to clone, which may make threads only.
  filter.insert(filter.end(), {next_if(BPF_JEQ, SYS_clone3), answer(SECCOMP_RET_ERRNO | ENOSYS)});
  filter.insert(filter.end(), {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3), load(offsetof(seccomp_data, args[0])),
                               skip_next_if(BPF_JSET, CLONE_THREAD), answer(kRefuse), answer(SECCOMP_RET_ALLOW)});
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0) return true;
  if (errno == EINVAL) return false;
  fail("seccomp");
}

}  // namespace

SystemUser SystemUser::named(const std::string& name) {
  const passwd* entry = ::getpwnam(name.c_str());
  if (entry == nullptr) throw std::runtime_error("there is no system user " + name + " for the ClickHouse engine to run as");
  return {name, entry->pw_uid, entry->pw_gid};
}

void become(const SystemUser& user, const std::filesystem::path& folder) {
  const auto hand_over = [&](const std::filesystem::path& path) {
    if (::lchown(path.c_str(), user.uid, user.gid) != 0) fail(path.string());
  };
  struct stat info{};
  if (::stat(folder.c_str(), &info) != 0) fail(folder.string());
  if (info.st_uid != user.uid) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) hand_over(entry.path());
    hand_over(folder);  // last: that it is done means all is
  }
  if (::setgroups(0, nullptr) != 0 || ::setgid(user.gid) != 0 || ::setuid(user.uid) != 0) fail("becoming " + user.name);
}

Confinement confine(const ConfinementParams& params) {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) fail("setrlimit");  // a core would hold every tenant's rows
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("no_new_privs");
  Confinement result;
  result.files = confine_files(params);
  result.network = confine_calls();
  return result;
}

}  // namespace tributary::clickhouse::embedded
