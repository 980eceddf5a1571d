#include <CLI/CLI.hpp>
#include <fstream>
#include <iterator>
#include <memory>

#include "cli/command.hpp"
#include "clickhouse/embedded/host.hpp"

namespace tributary::cli {
namespace {

namespace embedded = clickhouse::embedded;

struct Options {
  embedded::HostParams host;
  std::string library;
  std::string users_file;
  bool unrestricted = false;
  std::int64_t tenant_seconds = 120;
  std::int64_t tenant_memory_bytes = std::int64_t{1} << 30U;
};

std::string read_users(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad() || text.empty()) throw Failure("cannot read the users' file " + name, kBadInput);
  return text;
}

/// Zero would be no bound at all, so each has one. None is of what a query reads: that covers other tenants' rows in the same granules, whose number
/// whoever comes close to the bound could count.
std::map<std::string, std::uint64_t> tenant_bounds(const Options& options) {
  return {{"max_execution_time", static_cast<std::uint64_t>(options.tenant_seconds)},
          {"max_memory_usage", static_cast<std::uint64_t>(options.tenant_memory_bytes)},
          {"max_result_rows", 10'000'000},
          {"max_result_bytes", std::uint64_t{1} << 30U},
          {"max_threads", 2},
          {"max_block_size", 65'536},
          {"max_subquery_depth", 20},  // 50 of a view keep the analyzer, which cannot be stopped, busy for 15 s
          {"max_temporary_data_on_disk_size_for_query", std::uint64_t{1} << 30U}};
}

int run(const Options& options) {
  auto params = options.host;
  if (options.unrestricted == !options.users_file.empty())
    throw Failure("clickhouse-host takes either --users FILE or --unrestricted", kBadInput);
  if (!options.unrestricted) params.users = read_users(options.users_file);
  params.library = embedded::find_library(options.library, std::filesystem::read_symlink("/proc/self/exe"));
  params.server.tenant_bounds = tenant_bounds(options);
  embedded::run_host(std::move(params));
}

}  // namespace

void add_clickhouse_host(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto& host = options->host;
  auto* command =
      app.add_subcommand("clickhouse-host", "Run the embedded ClickHouse engine behind its HTTP interface on 127.0.0.1");
  command->add_option("--data", host.folder, "Its folder, made where it is not there")->required()->type_name("FOLDER");
  command->add_option("--port", host.port, "0: any; the first line of the output says which")->type_name("N");
  command
      ->add_option("--users", options->users_file, "The engine's users and row policies, on which it rests what tenants can read")
      ->type_name("FILE");
  command->add_flag("--unrestricted", options->unrestricted,
                    "Everybody may do everything, and tenants are not served: for migrations and tests");
  command->add_option("--library", options->library, "libchdb.so, where it is neither beside this program nor in node_modules")
      ->type_name("FILE");
  command->add_option("--user", host.user, "System user to run as where started as root")->type_name("NAME");
  command->add_option("--memory", host.memory_bytes, "Most bytes of memory that the engine takes")
      ->transform(CLI::AsSizeValue(false));
  command->add_option("--admin-queries", host.server.admin_queries, "Statements of admin at once")->check(CLI::Range(1, 1024));
  command->add_option("--tenant-queries", host.server.tenant_queries, "Statements of tenants at once")->check(CLI::Range(1, 64));
  command->add_option("--tenant-seconds", options->tenant_seconds, "Longest time of a tenant's query")
      ->check(CLI::Range(1, 3600));
  command->add_option("--tenant-memory", options->tenant_memory_bytes, "Most bytes of memory of a tenant's query")
      ->transform(CLI::AsSizeValue(false));
  command->add_flag("--without-landlock", host.without_landlock,
                    "Serve tenants on a kernel that cannot keep the engine from other files");
  command->add_flag("--end-with-input", host.end_with_input, "Stop when stdin is closed");
  command->callback([&chosen, options] { chosen = [options](const settings::Settings&) { return run(*options); }; });
}

}  // namespace tributary::cli
