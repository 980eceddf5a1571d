#include <fmt/format.h>

#include <sstream>

#include "base/sql_text.hpp"
#include "bench.hpp"
#include "clickhouse.hpp"
#include "clickhouse/embedded/library.hpp"
#include "mapping/clickhouse_sql.hpp"
#include "statistics.hpp"
#include "tenants.hpp"

// Users that are sequenced already, into an empty embedded engine: from the moment that the service may claim the tenancy until the watermark is visible
// there, every insert on the disk. Beside it the engine's own INSERT … SELECT FROM postgresql() of the same rows into the same table.
namespace tributary::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* kSource = "clickhouse_backfill";

class ClickHouseBackfill {
 public:
  explicit ClickHouseBackfill(Context& context)
      : servers_(context.servers), users_(context.pick(context.clickhouse_users, 2'000LL)) {
    servers_.create_source(kSource);
    source_.emplace(servers_.source(kSource));
    tenancy_ = make_tenancy(*source_, 1);
    make_users(*source_, tenancy_, users_);
    make_unsynced_channels(*source_, tenancy_);
    number_users(*source_);
    source_->run("VACUUM FULL ANALYZE \"ContactChannel\"");
    source_->run(sql_file("users_for_clickhouse.sql"));
    enable_poller(*source_, false);
  }
  ~ClickHouseBackfill() {
    source_.reset();
    servers_.drop_source(kSource);
  }

  /// Rows per second of ours.
  double sync() {
    const auto last = last_sequence_id(*source_, tenancy_);
    const EngineFolder folder(servers_);
    const Service service(servers_, kSource, {"--roles", "sync"}, &folder);
    const auto engine = wait_for_engine(folder);
    const auto admin = admin_of(engine);
    wait_until("the new store is known", 5ms, [&] {
      return source_->number(R"(SELECT count(*) FROM "OutgoingRequest" WHERE "destinationKind" = 'clickhouse')") == 1;
    });
    servers_.checkpoint();
    const auto seconds = seconds_of([&] {
      enable_poller(*source_, true);
      // A look is a query, which takes a few milliseconds of the engine.
      wait_until("ClickHouse has every user", 50ms, [&] { return admin.users_watermark(tenancy_) >= last; }, 600s);
    });
    enable_poller(*source_, false);
    if (tenant_of(engine, "project-" + tenancy_, "main").number("SELECT count() FROM users") != users_)
      throw std::runtime_error("ClickHouse lacks users");
    return static_cast<double>(users_) / seconds;
  }

  double insert_from_postgresql() {
    const EngineFolder folder(servers_);
    const auto users = users_mapping();
    const mapping::clickhouse::Options options{.embedded = true, .cluster = "", .definer = "", .installation = {}};
    servers_.checkpoint();
    std::istringstream report(servers_.shell(
        R"sh("$ENGINE" "$LIBRARY" "$FOLDER" "$DATABASE" "$TABLE" "$COPY")sh",
        {{"ENGINE", TRIBUTARY_BENCH_ENGINE},
         {"LIBRARY", clickhouse::embedded::find_library("", servers_.tributary()).string()},
         {"FOLDER", folder.path().string()},
         {"DATABASE", mapping::clickhouse::create_database_sql(options)},
         {"TABLE", mapping::clickhouse::create_table_sql(users, options)},
         {"COPY", sql_file("clickhouse_copy_users.sql", {{":project", quote_clickhouse_literal("project-" + tenancy_)},
                                                         {":postgresql", view_of_source()}})}}));
    long long rows = 0;
    double seconds = 0;
    report >> rows >> seconds;
    if (rows != users_) throw std::runtime_error("postgresql() lost users: " + report.str());
    return static_cast<double>(users_) / seconds;
  }

 private:
  std::string view_of_source() const {
    const auto& keywords = servers_.source(kSource).keywords;
    const auto literal = [](const std::string& text) { return quote_clickhouse_literal(text); };
    return fmt::format("{}, {}, 'users_for_clickhouse', {}, {}", literal(keywords.at("host") + ':' + keywords.at("port")),
                       literal(kSource), literal(keywords.at("user")), literal(keywords.at("password")));
  }

  Servers& servers_;
  const long long users_;
  std::string tenancy_;
  std::optional<Session> source_;
};

}  // namespace

std::vector<Result> clickhouse_backfill(Context& context) {
  ClickHouseBackfill backfill(context);
  Pairs pairs;
  for (int pair = 0; pair < context.pairs; ++pair) {
    const auto ours = backfill.sync();
    pairs.add(ours, backfill.insert_from_postgresql());
  }
  return {{.name = "clickhouse_backfill",
           .measured = fmt::format("{:.0f} rows/s", median(pairs.ours)),
           .beside = fmt::format("INSERT … SELECT FROM postgresql(): {:.0f} rows/s", median(pairs.baseline)),
           .value = pairs.ratio(),
           .goal = at_least(1)}};
}

}  // namespace tributary::bench
