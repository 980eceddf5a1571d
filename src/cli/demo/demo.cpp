#include "cli/demo/demo.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/post.hpp>

#include <cstdio>
#include <fstream>

#include "cli/command.hpp"
#include "cli/demo/backlog.hpp"
#include "cli/demo/clickhouse.hpp"
#include "cli/demo/private_cluster.hpp"
#include "cli/demo/service.hpp"
#include "cli/demo/show.hpp"
#include "cli/demo/summary.hpp"
#include "cli/text.hpp"
#include "clickhouse/error.hpp"
#include "queue/health.hpp"
#include "source/migrate.hpp"

namespace tributary::cli::demo {
namespace {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;

constexpr int kInterrupted = 130;
constexpr auto kConnectTime = 30s;
constexpr std::size_t kKeyBytes = 12;  // of random: a link that fits into 80 columns
constexpr auto kDrawEvery = 1s;
constexpr auto kLookEvery = 100ms;      // while waiting for something
constexpr auto kChangesTime = 4s;       // of `once`
constexpr auto kGiveUpAfter = 120s;     // without any movement
constexpr const char* kNoEngine = "the embedded engine is not running";

/// While it lives, what goes to stderr goes to a file: log lines would tear the screen.
class ErrorsToFile {
 public:
  explicit ErrorsToFile(const std::filesystem::path& file) : saved_(::dup(STDERR_FILENO)) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return;
    ::dup2(fd, STDERR_FILENO);
    ::close(fd);
  }
  ErrorsToFile(const ErrorsToFile&) = delete;
  ErrorsToFile& operator=(const ErrorsToFile&) = delete;
  ~ErrorsToFile() {
    ::dup2(saved_, STDERR_FILENO);
    ::close(saved_);
  }

 private:
  int saved_;
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// One run on a cluster that is up.
class Demo {
 public:
  /// `clickhouse`: the embedded engine's folder; empty: there is no ClickHouse.
  Demo(const DemoOptions& options, settings::Settings settings, const PrivateCluster& cluster,
       const std::filesystem::path& clickhouse, Clock::time_point started)
      : options_(options),
        settings_(std::move(settings)),
        cluster_(cluster),
        started_(started),
        mappings_(load_mappings(settings_)) {
    settings_.source.url = source().to_string();
    settings_.source.environment.clear();
    settings_.destinations.allow_networks.emplace_back("127.0.0.0/8");
    settings_.clickhouse.url.clear();
    settings_.clickhouse.folder = clickhouse;
    settings_.http.listen = "127.0.0.1:0";
    settings_.http.operator_key = random_hex(kKeyBytes);
    settings_.http.access_log = settings::AccessLog::errors;
  }

  asio::awaitable<int> run(std::stop_token stop) {
    const auto executor = co_await asio::this_coro::executor;
    pause_.emplace(executor);
    std::exception_ptr failure;
    int status = kFailed;
    try {
      status = co_await prepare_and_follow(executor, stop);
    } catch (...) {
      failure = std::current_exception();
    }
    // What was posted for objects of this run comes before this.
    co_await asio::post(executor, asio::use_awaitable);
    if (failure) std::rethrow_exception(failure);
    co_return status;
  }

 private:
  postgres::ConnectOptions source() const {
    return cluster_.database("source").with("application_name", "tributary demo").with_setting("TimeZone", "UTC");
  }

  /// A link that signs in; the key in it is for this run, and no server sees what stands behind the #.
  std::string dashboard() const {
    const auto address = service_->server().api_address();
    if (!address || settings_.http.dashboard_session.count() == 0) return "";
    return fmt::format("http://127.0.0.1:{}/dashboard/#operator_key={}", address->port(), settings_.http.operator_key);
  }

  /// Where people read along: with --json, stdout is for the summary alone.
  FILE* out() const { return options_.json ? stderr : stdout; }
  void say(const std::string& line) const {
    std::fprintf(out(), "  %s\n", line.c_str());
    std::fflush(out());
  }

  asio::awaitable<int> prepare_and_follow(asio::any_io_executor executor, std::stop_token stop) {
    auto tenants = co_await prepare(executor, stop);
    if (stop.stop_requested()) co_return options_.once ? kInterrupted : kDone;
    customers_ = customers_of(executor, cluster_.database("postgres"), tenants);
    auto params = ServerParams::from(settings_);
    params.roles.api = !options_.once;
    service_.emplace(executor, std::move(params), mappings_,
                     ChangesParams{.source = source(), .per_second = options_.rate, .seed = options_.seed}, tenants, customers_);
    source_.emplace(co_await postgres::Connection::open(source(), Deadline::after(kConnectTime)));
    co_await service_->start();
    show_.emplace(Show::Params{.tenants = tenants.size(),
                               .customers = customers_,
                               .service = *service_,
                               .dashboard = dashboard(),
                               .source_psql = cluster_.psql("source"),
                               .customer_psql = cluster_.psql(customers_.front().database)});
    int status = kFailed;
    std::exception_ptr failure;
    try {
      status = co_await follow(tenants, stop);
    } catch (...) {
      failure = std::current_exception();
    }
    // Whatever happened: what runs refers to this object.
    co_await service_->stop();
    for (auto& customer : customers_) customer.pool->close();
    if (failure) std::rethrow_exception(failure);
    co_return status;
  }

  asio::awaitable<int> follow(const std::vector<Tenant>& tenants, std::stop_token stop) {
    const int status = options_.once ? co_await once(tenants, stop) : co_await live(stop);
    if (stop.stop_requested()) say("stopping");
    if (!options_.once) co_await show_answers(tenants.front());
    co_return status;
  }

  asio::awaitable<std::vector<Tenant>> prepare(asio::any_io_executor executor, std::stop_token stop) {
    const auto begin = Clock::now();
    if (!cluster_.created()) {
      say("going on with the data of an earlier run (without --keep it is made anew)");
      co_await migrate(stop);
      co_return co_await find_tenants(cluster_.database("postgres"), source());
    }
    co_await create_source();
    co_await migrate(stop);
    auto tenants = plan_tenants(options_.tenants, options_.users, options_.seed);
    Tasks tasks(executor);
    std::size_t made = 0;
    const auto progress = [&](const Tenant&) {
      if (++made % 10 == 0 && made < tenants.size()) say(fmt::format("{} of {} tenants are there", made, tenants.size()));
    };
    co_await make_tenants(cluster_.database("postgres"), source(), tenants, tasks, progress, stop);
    co_await asio::post(executor, asio::use_awaitable);  // before `tasks` goes
    if (stop.stop_requested()) co_return tenants;
    std::ofstream(cluster_.folder() / kFilled) << "all tenants\n";
    say(fmt::format("{} with {}, and their {}, made in {:.1f} s", counted(options_.tenants, "tenant"),
                    counted(options_.users, "user"), counted(options_.tenants + 1, "database"), seconds_since(begin)));
    co_return tenants;
  }

  asio::awaitable<void> create_source() {
    auto connection = co_await postgres::Connection::open(cluster_.database("postgres"), Deadline::after(kConnectTime));
    co_await connection.execute("CREATE DATABASE source", Deadline::after(kConnectTime));
  }

  asio::awaitable<void> migrate(std::stop_token stop) {
    auto connection = co_await postgres::Connection::open(source(), Deadline::after(kConnectTime));
    source::MigrateOptions options;
    co_await source::migrate(connection, mappings_, options, stop);
  }

  asio::awaitable<int> live(std::stop_token stop) {
    service_->start_changes();
    service_->start_probes();
    Terminal terminal;
    std::optional<ErrorsToFile> quiet;
    if (terminal.redraws() && ::isatty(STDERR_FILENO) != 0) quiet.emplace(cluster_.folder() / "tributary.log");
    if (!terminal.redraws()) {
      if (const auto link = dashboard(); !link.empty()) say(link);
      say(cluster_.psql("source"));
      say(cluster_.psql(customers_.front().database));
    }
    for (auto next = Clock::now() + kDrawEvery; !stop.stop_requested(); next = std::max(next + kDrawEvery, Clock::now())) {
      co_await pause_->until(Deadline::at(next), stop);
      service_->check();
      const auto backlog = co_await read_backlog(*source_, customers_, mappings_);
      draw(terminal, show_->take(backlog, co_await queue::read_clickhouse(*source_, statement_deadline())));
    }
    co_return kDone;
  }

  /// The last thing that is shown: what the largest tenant learns from ClickHouse.
  asio::awaitable<void> show_answers(const Tenant& tenant) {
    co_await service_->stop_writing();
    if (settings_.clickhouse.use == settings::ClickHouseUse::none) co_return;
    const auto host = service_->server().clickhouse_host();
    std::string error = host ? "" : kNoEngine;
    try {
      if (host) std::fputs(answers_text(co_await ask_questions(*host, tenant)).c_str(), out());
    } catch (const clickhouse::Error& failed) {
      error = failed.what();
    }
    if (!error.empty()) say("ClickHouse cannot be asked the three questions: " + error);
  }

  void draw(Terminal& terminal, const Snapshot& now) const {
    if (terminal.redraws() && !options_.json)
      terminal.show(draw_screen(now, terminal.height(), terminal.colours()));
    else
      std::fputs(("  " + draw_line(now)).c_str(), out());
    std::fflush(out());
  }

  asio::awaitable<int> once(const std::vector<Tenant>& tenants, std::stop_token stop) {
    Summary summary{.tenants = tenants.size(), .databases = customers_.size()};
    for (const auto& tenant : tenants) summary.users += tenant.users;

    const auto begin = Clock::now();
    summary.drained = co_await drain(stop);
    summary.first_time = Clock::now() - begin;
    summary.first_rows =
        show_->applied_rows(queue::DestinationKind::postgres) + show_->applied_rows(queue::DestinationKind::clickhouse);

    const auto changes_begin = Clock::now();
    service_->start_probes();
    service_->start_changes();
    co_await pause_->until(Deadline::after(kChangesTime), stop);
    summary.p50 = service_->probes().quantile(0.50, changes_begin);
    summary.p99 = service_->probes().quantile(0.99, changes_begin);
    summary.probes = service_->probes().window().count(changes_begin);
    co_await service_->stop_writing();
    summary.changes = service_->changes().statements();

    summary.drained = co_await drain(stop) && summary.drained;
    if (stop.stop_requested()) co_return kInterrupted;
    const auto verify_begin = Clock::now();
    summary.verification = co_await verify_all(stop);
    summary.clickhouse = settings_.clickhouse.use != settings::ClickHouseUse::none;
    if (summary.clickhouse) co_await verify_in_clickhouse(tenants, summary, stop);
    summary.verify_time = Clock::now() - verify_begin;
    summary.problems = co_await problems();
    summary.total_time = Clock::now() - started_;
    if (stop.stop_requested()) co_return kInterrupted;
    std::fputs((options_.json ? to_json(summary) : to_text(summary)).c_str(), stdout);
    co_return summary.good() ? kDone : kFailed;
  }

  /// Until nothing is on its way any more, showing how it goes. False where nothing has moved for long.
  asio::awaitable<bool> drain(std::stop_token stop) {
    auto next_draw = Clock::now() + kDrawEvery;
    auto last_movement = Clock::now();
    std::int64_t last_total = -1;
    while (!stop.stop_requested()) {
      service_->check();
      const auto backlog = co_await read_backlog(*source_, customers_, mappings_);
      const auto clickhouse = co_await queue::read_clickhouse(*source_, statement_deadline());
      const bool clickhouse_is_idle = clickhouse.waiting == 0 && service_->server().clickhouse_is_known();
      if (backlog.total() == 0 && clickhouse_is_idle) co_return true;
      const auto total = backlog.total() + clickhouse.waiting;
      if (std::exchange(last_total, total) != total) last_movement = Clock::now();
      if (Clock::now() - last_movement > kGiveUpAfter) co_return false;
      if (Clock::now() >= next_draw) {
        const auto now = show_->take(backlog, clickhouse);
        say(fmt::format("{} rows applied, {}/s, {} to go in {}{}", grouped(static_cast<std::int64_t>(now.rows)),
                        grouped(static_cast<std::int64_t>(now.rows_per_second.back())), grouped(now.backlog),
                        counted(static_cast<std::int64_t>(now.behind), "database"),
                        clickhouse_is_idle ? "" : ", and in ClickHouse"));
        next_draw = Clock::now() + kDrawEvery;
      }
      co_await pause_->until(Deadline::after(kLookEvery), stop);
    }
    co_return false;
  }

  asio::awaitable<Verification> verify_all(std::stop_token stop) {
    Verification result;
    for (auto& customer : customers_) {
      if (stop.stop_requested()) break;
      std::string error;
      try {
        auto connection = co_await customer.pool->acquire(Deadline::after(kConnectTime));
        const VerifyParams params{
            .source = *source_, .customer = *connection, .tenancy = customer.tenancy, .database = customer.database};
        co_await verify(params, mappings_, result);
      } catch (const postgres::Error& failed) {
        error = failed.what();
      }
      if (!error.empty()) result.add_unreadable(customer.database, error);
    }
    co_return result;
  }

  asio::awaitable<void> verify_in_clickhouse(const std::vector<Tenant>& tenants, Summary& summary, std::stop_token stop) {
    const auto host = service_->server().clickhouse_host();
    std::string error = host ? "" : kNoEngine;
    try {
      for (const auto& tenant : tenants) {
        if (host && !stop.stop_requested()) co_await verify_clickhouse(*host, *source_, tenant, mappings_, summary.verification);
      }
      if (host) summary.answers = co_await ask_questions(*host, tenants.front());
    } catch (const clickhouse::Error& failed) {
      error = failed.what();
    }
    if (!error.empty()) summary.verification.add_unreadable("ClickHouse", error);
  }

  asio::awaitable<std::string> problems() {
    std::string text;
    const auto troubles = co_await queue::read_troubles(*source_, statement_deadline());
    for (const auto& trouble : troubles)
      text += fmt::format("    {} {}: {}\n", trouble.destination, trouble.mapping, trouble.error);
    co_return text;
  }

 public:
  /// In the cluster's folder once all data has been made: what `keep` looks for.
  static constexpr const char* kFilled = "filled";

 private:
  const DemoOptions& options_;
  settings::Settings settings_;
  const PrivateCluster& cluster_;
  const Clock::time_point started_;
  const std::vector<mapping::Mapping> mappings_;
  std::optional<Pause> pause_;
  std::vector<Customer> customers_;
  std::optional<postgres::Connection> source_;
  std::optional<Service> service_;
  std::optional<Show> show_;
};

ClusterOptions cluster_options(const DemoOptions& options) {
  ClusterOptions cluster{.folder = options.data_dir.empty() ? default_cluster_folder("demo") : options.data_dir};
  cluster.fresh = !options.keep || !std::filesystem::exists(cluster.folder / Demo::kFilled);
  cluster.stop_timeout = 5s;  // with the service's, less than the ten seconds that Ctrl-C may take
  // Room for all customers on one server, as no real one has them.
  cluster.settings = {
      {"max_connections", "1000"}, {"shared_buffers", "256MB"}, {"max_wal_size", "4GB"}, {"jit", "off"}, {"timezone", "UTC"}};
  return cluster;
}

}  // namespace

int run_demo(const DemoOptions& options, const settings::Settings& settings) {
  const auto started = Clock::now();
  auto quiet = settings;
  if (quiet.log.level == telemetry::Level::info)
    quiet.log.level = telemetry::Level::warning;  // what goes well, the demo itself shows
  telemetry::configure_log(quiet.log);
  FILE* out = options.json ? stderr : stdout;
  auto cluster = PrivateCluster::start(cluster_options(options));
  std::fprintf(out, "  a private PostgreSQL %s, for trying and testing, is up in %s\n", cluster.server_version().c_str(),
               cluster.folder().c_str());
  std::fflush(out);
  std::optional<ClickHouseFolder> clickhouse;
  if (settings.clickhouse.use != settings::ClickHouseUse::none)
    clickhouse.emplace(cluster.folder().string() + "-clickhouse", cluster.created(), options.keep);
  const int status = run_until_signal([&](std::stop_token stop) -> asio::awaitable<int> {
    Demo demo(options, quiet, cluster, clickhouse ? clickhouse->path() : "", started);
    co_return co_await demo.run(stop);
  });
  if (!options.keep)
    cluster.remove();
  else
    cluster.stop();
  std::fprintf(out, "  stopped; %s %s\n", options.keep ? "the data is in" : "nothing is left of", cluster.folder().c_str());
  return status;
}

}  // namespace tributary::cli::demo
