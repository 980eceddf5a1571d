#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "bench.hpp"
#include "statistics.hpp"
#include "tenants.hpp"
#include "watch.hpp"

// How long after its commit a single-row change is visible in a destination: beside native logical replication of a plain table, and while
// another tenancy is being backfilled.
namespace tributary::bench {
namespace {

using namespace std::chrono_literals;

constexpr int kRows = 1'000;
constexpr int kWarmUp = 50;

/// One tenancy with a destination, up to date, and the service that keeps it so.
class Followed {
 public:
  explicit Followed(Servers& servers) : servers_(servers) {
    servers_.create_source(kSource);
    source_.emplace(servers_.source(kSource));
    tenancy_ = make_tenancy(*source_, 1);
    make_users(*source_, tenancy_, kRows);
    make_unsynced_channels(*source_, tenancy_);
    servers_.create_target(kTarget);
    set_destinations(*source_, tenancy_, {{"target", servers_.target(kTarget)}});
    service_.emplace(servers_, kSource);
    Session target(servers_.target(kTarget));
    wait_until("the users are there", 5ms,
               [&] { return users_watermark(target) >= 0 && target.number("SELECT count(*) FROM users") == kRows; });
    source_->run("VACUUM ANALYZE");
    target.run("VACUUM ANALYZE users");
  }
  ~Followed() {
    service_.reset();
    source_.reset();
    servers_.drop_source(kSource);
    servers_.drop_target(kTarget);
  }

  Session& source() { return *source_; }
  Watch watch() {
    std::vector<std::string> rows;
    for (auto& row : source_->rows(R"(SELECT "projectUserId" FROM "ProjectUser" WHERE "tenancyId" = $1)", {tenancy_}))
      rows.push_back(row[0]);
    return {.source = servers_.source(kSource),
            .change = fmt::format(
                R"(UPDATE "ProjectUser" SET "displayName" = $2 WHERE "tenancyId" = '{}' AND "projectUserId" = $1)", tenancy_),
            .target = servers_.target(kTarget),
            .look = "SELECT FROM users WHERE id = $1 AND display_name ~ '^[0-9]+$' AND display_name::bigint >= $2",
            .rows = std::move(rows)};
  }

  static constexpr const char* kSource = "latency";
  static constexpr const char* kTarget = "latency";

 private:
  Servers& servers_;
  std::string tenancy_;
  std::optional<Session> source_;
  std::optional<Service> service_;
};

/// A plain table of the same columns under native logical replication.
class Native {
 public:
  explicit Native(Servers& servers) : servers_(servers) {
    Session(servers_.source("postgres")).run(fmt::format("CREATE DATABASE {}", kDatabase));
    servers_.create_target(kDatabase);
    const auto users = fmt::format(
        "INSERT INTO users (id, primary_email_verified, signed_up_at, is_anonymous) "
        "SELECT md5(n::text)::uuid, false, now(), false FROM generate_series(1, {}) AS n",
        kRows);
    Session source(servers_.source(kDatabase));
    target_.emplace(servers_.target(kDatabase));
    for (auto* session : {&source, &*target_}) {
      session->run(create_users_sql());
      session->run(users);
      session->run("VACUUM ANALYZE users");
    }
    source.run("CREATE PUBLICATION native FOR TABLE users");
    target_->run(fmt::format("CREATE SUBSCRIPTION native CONNECTION {} PUBLICATION native WITH (copy_data = false)",
                             target_->literal(servers_.source(kDatabase).to_string())));
  }
  ~Native() {
    try {
      target_->run("ALTER SUBSCRIPTION native DISABLE");
      target_->run("DROP SUBSCRIPTION native");
      target_.reset();
      servers_.drop_source(kDatabase);
      servers_.drop_target(kDatabase);
    } catch (const std::exception& error) {
      fmt::print(stderr, "the subscription stays: {}\n", error.what());
    }
  }

  /// Only while it is measured: a publisher decodes everybody's WAL.
  void enable(bool enabled) { target_->run(fmt::format("ALTER SUBSCRIPTION native {}", enabled ? "ENABLE" : "DISABLE")); }
  Watch watch() {
    std::vector<std::string> rows;
    for (auto& row : target_->rows("SELECT id FROM users")) rows.push_back(row[0]);
    return {.source = servers_.source(kDatabase),
            .change = "UPDATE users SET display_name = $2 WHERE id = $1",
            .target = servers_.target(kDatabase),
            .look = "SELECT FROM users WHERE id = $1 AND display_name ~ '^[0-9]+$' AND display_name::bigint >= $2",
            .rows = std::move(rows)};
  }

 private:
  static constexpr const char* kDatabase = "native";
  Servers& servers_;
  std::optional<Session> target_;
};

/// Backfills a tenancy of its own again and again, each time into an emptied database under a new name, until it is destroyed.
class EndlessBackfill {
 public:
  EndlessBackfill(Servers& servers, long long users) : servers_(servers) {
    Session source(servers_.source(Followed::kSource));
    tenancy_ = make_tenancy(source, 2);
    make_users(source, tenancy_, users);
    wait_until("the other tenancy is sequenced", 10ms, [&] {
      return source.value(R"(SELECT EXISTS (SELECT FROM "ProjectUser" WHERE "shouldUpdateSequenceId"))") == "f";
    });
    source.run("VACUUM ANALYZE");
    servers_.create_target(kTarget);
  }
  ~EndlessBackfill() {
    stop();
    servers_.drop_target(kTarget);
  }

  void start() {
    stop_ = false;
    thread_ = std::jthread([this] { run(); });
  }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int done() const { return done_; }

 private:
  static constexpr const char* kTarget = "latency_backfill";

  void run() {
    try {
      Session source(servers_.source(Followed::kSource));
      Session target(servers_.target(kTarget));
      const auto last = last_sequence_id(source, tenancy_);
      while (!stop_) {
        drop_tables(target);
        set_destinations(source, tenancy_, {{fmt::format("target-{}", done_.load()), servers_.target(kTarget)}});
        wait_until("a backfill is done", 5ms, [&] { return stop_ || users_watermark(target) >= last; });
        ++done_;
      }
      set_destinations(source, tenancy_, {});
    } catch (const std::exception& error) {
      fmt::print(stderr, "the endless backfill ended: {}\n", error.what());
    }
  }

  /// Meets the service's own statements, so one of the two may be the deadlock's victim.
  static void drop_tables(Session& target) {
    for (;;) {
      try {
        target.run("DROP TABLE IF EXISTS users, contact_channels, teams, team_member_profiles, _stack_sync_metadata");
        return;
      } catch (const std::exception& error) {
        if (std::string_view(error.what()).find("deadlock") == std::string_view::npos) throw;
      }
    }
  }

  Servers& servers_;
  std::string tenancy_;
  std::atomic<bool> stop_{false};
  std::atomic<int> done_{0};
  std::jthread thread_;
};

std::string quantiles(const Lags& lags) {
  return fmt::format("p50 {:.2f} ms, p99 {:.2f} ms", quantile(lags.visible_ms, 0.5), quantile(lags.visible_ms, 0.99));
}

/// What each of the two commits that a change waits for takes there at best.
std::string commits(const Lags& lags) {
  return fmt::format("one durable commit: p50 {:.2f} ms, p99 {:.2f} ms", quantile(lags.commit_ms, 0.5),
                     quantile(lags.commit_ms, 0.99));
}

}  // namespace

std::vector<Result> latency(Context& context) {
  Followed followed(context.servers);
  Native native(context.servers);
  const auto ours_watch = followed.watch();
  const auto native_watch = native.watch();
  const int samples = context.pick(1'000, 50);
  Lags ours;
  Lags beside;
  int number = 1;
  for (int pair = 0; pair < context.pairs; ++pair) {
    native.enable(false);
    watch(ours_watch, number, kWarmUp);
    ours.append(watch(ours_watch, number + kWarmUp, samples));
    native.enable(true);
    watch(native_watch, number, kWarmUp);
    beside.append(watch(native_watch, number + kWarmUp, samples));
    number += kWarmUp + samples;
  }
  const auto p50 = quantile(ours.visible_ms, 0.5);
  const auto p99 = quantile(ours.visible_ms, 0.99);
  const auto commit = median(beside.commit_ms);
  return {{.name = "latency_p50",
           .measured = quantiles(ours),
           .beside = fmt::format("one durable commit: {:.2f} ms", commit),
           .value = p50 / commit,
           .goal = at_most(5)},
          {.name = "latency_p99",
           .measured = quantiles(ours),
           .beside = "native logical replication: " + quantiles(beside),
           .value = p99 / quantile(beside.visible_ms, 0.99),
           .goal = at_most(8)}};
}

std::vector<Result> latency_beside_backfill(Context& context) {
  Followed followed(context.servers);
  EndlessBackfill backfill(context.servers, context.pick(100'000LL, 2'000LL));
  const auto what = followed.watch();
  const int samples = context.pick(1'000, 50);
  Lags quiet;
  Lags busy;
  Pairs p99;
  int number = 1;
  for (int pair = 0; pair < context.pairs; ++pair) {
    watch(what, number, kWarmUp);
    const auto without = watch(what, number + kWarmUp, samples);
    number += kWarmUp + samples;
    backfill.start();
    watch(what, number, kWarmUp);
    const auto with = watch(what, number + kWarmUp, samples);
    number += kWarmUp + samples;
    backfill.stop();
    p99.add(quantile(with.visible_ms, 0.99), quantile(without.visible_ms, 0.99));
    quiet.append(without);
    busy.append(with);
  }
  return {{.name = "latency_beside_backfill",
           .measured = fmt::format("{}, beside {} backfills ({})", quantiles(busy), backfill.done(), commits(busy)),
           .beside = fmt::format("quiet: {} ({})", quantiles(quiet), commits(quiet)),
           .value = p99.ratio(),
           .goal = at_most(4)}};
}

}  // namespace tributary::bench
