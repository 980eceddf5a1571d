#include <fmt/format.h>

#include "bench.hpp"
#include "statistics.hpp"
#include "tenants.hpp"

// Users that are sequenced already, into one destination. Measured from the moment that the service may claim the tenancy until the destination's
// watermark is visible: claiming, creating the tables, and every durable commit included.
namespace tributary::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* kSource = "backfill";
constexpr const char* kOurs = "backfill_ours";
constexpr const char* kCopied = "backfill_copied";
constexpr const char* kUpserted = "backfill_upserted";

// As the reference product's, which upsert_user.sql writes.
constexpr const char* kCreateWatermarks = R"sql(
CREATE TABLE _stack_sync_metadata (
  mapping_name text PRIMARY KEY,
  last_synced_sequence_id bigint NOT NULL DEFAULT -1,
  updated_at timestamp NOT NULL DEFAULT now()
))sql";

class Backfill {
 public:
  explicit Backfill(Context& context)
      : servers_(context.servers), users_(context.pick(200'000LL, 2'000LL)), sample_(context.pick(5'000, 100)) {
    servers_.create_source(kSource);
    source_.emplace(servers_.source(kSource));
    tenancy_ = make_tenancy(*source_, 1);
    make_users(*source_, tenancy_, users_);
    make_unsynced_channels(*source_, tenancy_);
    number_users(*source_);
    source_->run("VACUUM FULL ANALYZE \"ContactChannel\"");
    enable_poller(*source_, false);
    service_.emplace(servers_, kSource, std::vector<std::string>{"--roles", "sync"});
  }
  ~Backfill() {
    service_.reset();
    source_.reset();
    servers_.drop_source(kSource);
    for (const auto* database : {kOurs, kCopied, kUpserted}) servers_.drop_target(database);
  }

  void change_every_row() { number_users(*source_, true); }

  void make_targets() {
    servers_.create_target(kOurs);
    for (const auto* database : {kCopied, kUpserted}) {
      servers_.create_target(database);
      Session(servers_.target(database)).run(create_users_sql() + kCreateWatermarks);
    }
    // A destination of another name: the service knows nothing of the one before.
    set_destinations(*source_, tenancy_, {{fmt::format("target-{}", ++targets_), servers_.target(kOurs)}});
  }

  /// Rows per second of ours, from where the destination stands to the end.
  double sync() {
    const auto last = last_sequence_id(*source_, tenancy_);
    Session target(servers_.target(kOurs));
    enqueue(*source_, tenancy_);
    servers_.checkpoint();
    const auto seconds = seconds_of([&] {
      enable_poller(*source_, true);
      wait_until("the destination has every user", 2ms, [&] { return users_watermark(target) >= last; });
    });
    // The turn that only sees that nothing is left is not part of the time, but of the state that the next run starts from.
    wait_until("the queue is empty", 2ms, [&] { return source_->number(R"(SELECT count(*) FROM "OutgoingRequest")") == 0; });
    enable_poller(*source_, false);
    if (target.number("SELECT count(*) FROM users") != users_) throw std::runtime_error("the destination lacks users");
    return static_cast<double>(users_) / seconds;
  }

  double copy() { return piped(R"sh(psql -Xq -d "$TARGET" -c "COPY users FROM STDIN (FORMAT binary)")sh", kCopied); }
  double copy_and_merge() {
    return piped(
        R"sh(psql -Xq -d "$TARGET" -1 -c "CREATE TEMP TABLE stage (LIKE users)" -c "COPY stage FROM STDIN (FORMAT binary)" -c "$MERGE")sh",
        kCopied);
  }
  /// As the reference product does it: a statement and a commit for each row; of a sample.
  double upsert_one_by_one() {
    Session target(servers_.target(kUpserted));
    const auto upsert = sql_file("upsert_user.sql");
    auto rows = source_->rows(select() + fmt::format(" LIMIT {}", sample_));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].push_back(std::to_string(i));  // sequence_id
      rows[i].emplace_back("false");  // is_deleted
    }
    servers_.checkpoint();
    const auto seconds = seconds_of([&] {
      for (const auto& row : rows) target.run(upsert, row);
    });
    return static_cast<double>(rows.size()) / seconds;
  }
  /// The rows that upsert_one_by_one() will find there.
  void fill_upserted() {
    servers_.shell(
        R"sh(psql -Xq -d "$SOURCE" -c "COPY ($SELECT) TO STDOUT" | psql -Xq -d "$TARGET" -c "COPY users FROM STDIN")sh",
        environment(kUpserted));
  }

 private:
  std::string select() { return sql_file("select_users.sql", {{":tenancy", source_->literal(tenancy_)}}); }
  std::map<std::string, std::string> environment(const char* database) {
    return {{"SOURCE", servers_.source(kSource).to_string()},
            {"TARGET", servers_.target(database).to_string()},
            {"SELECT", select()},
            {"MERGE", sql_file("merge_users.sql")}};
  }
  double piped(const std::string& writer, const char* database) {
    servers_.checkpoint();
    const auto seconds = seconds_of([&] {
      servers_.shell(R"sh(psql -Xq -d "$SOURCE" -c "COPY ($SELECT) TO STDOUT (FORMAT binary)" | )sh" + writer,
                     environment(database));
    });
    if (Session(servers_.target(database)).number("SELECT count(*) FROM users") != users_)
      throw std::runtime_error("psql lost users");
    return static_cast<double>(users_) / seconds;
  }
  Servers& servers_;
  const long long users_;
  const int sample_;
  std::string tenancy_;
  int targets_ = 0;
  std::optional<Session> source_;
  std::optional<Service> service_;
};

std::string rate(const std::vector<double>& rows_per_second) { return fmt::format("{:.0f} rows/s", median(rows_per_second)); }

std::vector<Result> report(const std::string& name, const Pairs& beside_copy, double copy_goal, const std::string& copy_about,
                           const Pairs& beside_upserts, double upsert_goal) {
  return {{.name = name,
           .measured = rate(beside_copy.ours),
           .beside = copy_about + ": " + rate(beside_copy.baseline),
           .value = beside_copy.ratio(),
           .goal = at_least(copy_goal)},
          {.name = name,
           .measured = rate(beside_upserts.ours),
           .beside = "one upsert a row: " + rate(beside_upserts.baseline),
           .value = beside_upserts.ratio(),
           .goal = at_least(upsert_goal)}};
}

}  // namespace

std::vector<Result> backfill_empty(Context& context) {
  Backfill backfill(context);
  Pairs beside_copy;
  Pairs beside_upserts;
  for (int pair = 0; pair < context.pairs; ++pair) {
    backfill.make_targets();
    const auto ours = backfill.sync();
    beside_copy.add(ours, backfill.copy());
    beside_upserts.add(ours, backfill.upsert_one_by_one());
  }
  return report("backfill_empty", beside_copy, 0.8, "psql COPY | COPY", beside_upserts, 40);
}

std::vector<Result> backfill_full(Context& context) {
  Backfill backfill(context);
  Pairs beside_copy;
  Pairs beside_upserts;
  for (int pair = 0; pair < context.pairs; ++pair) {
    backfill.make_targets();
    backfill.sync();
    backfill.copy();
    backfill.fill_upserted();
    backfill.change_every_row();
    const auto ours = backfill.sync();
    beside_copy.add(ours, backfill.copy_and_merge());
    beside_upserts.add(ours, backfill.upsert_one_by_one());
  }
  return report("backfill_full", beside_copy, 0.85, "psql COPY | COPY + merge", beside_upserts, 25);
}

}  // namespace tributary::bench
