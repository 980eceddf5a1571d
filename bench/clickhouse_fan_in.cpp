#include <fmt/format.h>

#include "bench.hpp"
#include "clickhouse.hpp"
#include "statistics.hpp"
#include "tenants.hpp"

// One change of each of many tenancies, committed at once: until all are visible in the embedded engine, sequencing included. Beside it as many changes of
// one tenancy. And how many parts that made: ClickHouse's cost of an insert is the part.
namespace tributary::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* kSource = "clickhouse_fan_in";

class FanIn {
 public:
  explicit FanIn(Context& context) : servers_(context.servers), tenancies_(context.pick(10'000LL, 200LL)), folder_(servers_) {
    servers_.create_source(kSource);
    source_.emplace(servers_.source(kSource));
    const auto number = std::to_string(tenancies_);
    source_->run(sql_file("make_fan_in.sql", {{":tenancies", number}, {":tenancies", number}, {":tenancies", number}}));
    source_->run("VACUUM ANALYZE");
    one_ = source_->value(R"(SELECT id FROM "Tenancy" WHERE "projectId" = $1)", {fmt::format("project-{}", tenancies_ + 1)});
    service_.emplace(servers_, kSource, std::vector<std::string>{}, &folder_);
    admin_.emplace(admin_of(wait_for_engine(folder_)));
    wait_until_synced(tenancies_ + 1, -1);
  }
  ~FanIn() {
    service_.reset();
    source_.reset();
    servers_.drop_source(kSource);
  }

  long long tenancies() const { return tenancies_; }
  double of_many() { return change("<>", tenancies_); }
  double of_one() { return change("=", 1); }
  /// Highest number of inserts that a table has had.
  long long inserts() const {
    long long most = 0;
    for (const auto* table : {"users", "contact_channels", "teams", "team_member_profiles", "_stack_sync_metadata"})
      most = std::max(most, folder_.inserts(table));
    return most;
  }

 private:
  /// Seconds from the change's commit until so many tenancies have a higher watermark.
  double change(const std::string& which, long long tenancies) {
    wait_until("the queue is empty", 5ms, [&] { return source_->number(R"(SELECT count(*) FROM "OutgoingRequest")") == 0; });
    const auto before = source_->number(R"(SELECT max("sequenceId") FROM "ProjectUser")");
    servers_.checkpoint();
    source_->run(
        fmt::format(R"(UPDATE "ProjectUser" SET "displayName" = "displayName" || '!' WHERE "tenancyId" {} '{}')", which, one_));
    return seconds_of([&] { wait_until_synced(tenancies, before); });
  }
  /// REQUIRES: their users will all have sequence ids above `after`.
  void wait_until_synced(long long tenancies, long long after) {
    // The last id is known once all have theirs; until then no watermark of the tenancy with many users can be told from its end.
    long long last = -1;
    wait_until("ClickHouse has every change", 10ms, [&] {
      if (last < 0) {
        if (source_->value(R"(SELECT EXISTS (SELECT FROM "ProjectUser" WHERE "shouldUpdateSequenceId"))") == "t") return false;
        last = source_->number(R"(SELECT max("sequenceId") FROM "ProjectUser" WHERE "tenancyId" = $1)", {one_});
      }
      return admin_->number(fmt::format("SELECT uniqExact(tenancy_id) FROM analytics_internal._stack_sync_metadata "
                                        "WHERE mapping_name = 'users' AND last_synced_sequence_id > {} AND (tenancy_id <> '{}' "
                                        "OR last_synced_sequence_id >= {})",
                                        after, one_, last)) >= tenancies;
    });
  }

  Servers& servers_;
  const long long tenancies_;
  const EngineFolder folder_;
  std::string one_;
  std::optional<Session> source_;
  std::optional<Service> service_;
  std::optional<ClickHouse> admin_;
};

}  // namespace

std::vector<Result> clickhouse_fan_in(Context& context) {
  FanIn fan_in(context);
  Pairs seconds;
  std::vector<double> parts;
  for (int pair = 0; pair < context.pairs; ++pair) {
    const auto before = fan_in.inserts();
    const auto ours = fan_in.of_many();
    parts.push_back(static_cast<double>(fan_in.inserts() - before));
    seconds.add(ours, fan_in.of_one());
  }
  return {{.name = "clickhouse_fan_in",
           .measured = fmt::format("one change of each of {} tenancies: {:.2f} s", fan_in.tenancies(), median(seconds.ours)),
           .beside = fmt::format("as many of one tenancy: {:.2f} s", median(seconds.baseline)),
           .value = seconds.ratio()},
          {.name = "clickhouse_fan_in",
           .measured = "most parts that this made of a table",
           .beside = "",
           .value = quantile(parts, 1),
           .goal = at_most(50),
           .unit = "parts"}};
}

}  // namespace tributary::bench
