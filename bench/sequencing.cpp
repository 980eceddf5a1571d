#include <fmt/format.h>

#include "bench.hpp"
#include "statistics.hpp"
#include "tenants.hpp"

// Flagged users of several tenancies: how fast they get their sequence ids, and how fast they are in their destinations.
namespace tributary::bench {
namespace {

using namespace std::chrono_literals;

constexpr int kTenancies = 10;
constexpr const char* kTemplate = "sequencing";
constexpr const char* kClone = "sequencing_clone";

std::string target_of(const char* prefix, int tenancy) { return fmt::format("{}_{}", prefix, tenancy); }

/// A source whose users are all flagged, as a template: both sides begin with the very same pages.
class Flagged {
 public:
  explicit Flagged(Context& context) : servers_(context.servers), users_(context.pick(300'000LL, 3'000LL)) {
    servers_.create_source(kTemplate);
    Session source(servers_.source(kTemplate));
    for (int i = 0; i < kTenancies; ++i) make_users(source, make_tenancy(source, i), users_ / kTenancies);
    enable_sequencer(source, false);
    source.run("VACUUM ANALYZE");
  }
  ~Flagged() { servers_.drop_source(kTemplate); }

  long long users() const { return users_; }

  /// Seconds from putting in the sequencer's fuse until nothing is flagged.
  double sequence() {
    return with_clone([&](Session& source) {
      Service service(servers_, kClone, {"--roles", "sequencer"});
      return seconds_of([&] {
        enable_sequencer(source, true);
        wait_until("all are sequenced", 2ms, [&] { return source.number("SELECT last_value FROM global_seq_id") >= users_; });
        wait_until("nothing is flagged", 1ms, [&] {
          return source.value(R"(SELECT EXISTS (SELECT FROM "ProjectUser" WHERE "shouldUpdateSequenceId"))") == "f";
        });
      });
    });
  }

  double sequence_by_bare_statement() {
    return with_clone([&](Session& source) { return loop_bare_statement(source); });
  }

  /// Seconds until every tenancy's destination has all its users, which were flagged when the clock started.
  double sync() {
    return with_clone([&](Session& source) {
      std::vector<Session> targets;
      for (int i = 0; i < kTenancies; ++i) {
        servers_.create_target(target_of("sequenced", i));
        targets.emplace_back(servers_.target(target_of("sequenced", i)));
        set_destinations(source, tenancy_id(i), {{"target", servers_.target(target_of("sequenced", i))}});
      }
      double seconds = 0;
      {
        Service service(servers_, kClone);
        servers_.checkpoint();
        seconds = seconds_of([&] {
          enable_sequencer(source, true);
          wait_until("all are sequenced", 2ms, [&] { return source.number("SELECT last_value FROM global_seq_id") >= users_; });
          for (int i = 0; i < kTenancies; ++i) {
            const auto last = last_sequence_id(source, tenancy_id(i));
            wait_until("a destination has its users", 2ms,
                       [&] { return users_watermark(targets[static_cast<std::size_t>(i)]) >= last; });
          }
        });
      }
      targets.clear();
      for (int i = 0; i < kTenancies; ++i) servers_.drop_target(target_of("sequenced", i));
      return seconds;
    });
  }

  /// The same without us: the bare statement, then one COPY | COPY after the other.
  double sequence_and_copy() {
    return with_clone([&](Session& source) {
      for (int i = 0; i < kTenancies; ++i) {
        servers_.create_target(target_of("copied", i));
        Session(servers_.target(target_of("copied", i))).run(create_users_sql());
      }
      servers_.checkpoint();
      auto seconds = loop_bare_statement(source);
      seconds += seconds_of([&] {
        for (int i = 0; i < kTenancies; ++i) {
          servers_.shell(
              R"sh(psql -Xq -d "$SOURCE" -c "COPY ($SELECT) TO STDOUT (FORMAT binary)" | psql -Xq -d "$TARGET" -c "COPY users FROM STDIN (FORMAT binary)")sh",
              {{"SOURCE", servers_.source(kClone).to_string()},
               {"TARGET", servers_.target(target_of("copied", i)).to_string()},
               {"SELECT", sql_file("select_users.sql", {{":tenancy", source.literal(tenancy_id(i))}})}});
        }
      });
      for (int i = 0; i < kTenancies; ++i) servers_.drop_target(target_of("copied", i));
      return seconds;
    });
  }

 private:
  double with_clone(const std::function<double(Session&)>& measure) {
    servers_.clone_source(kClone, kTemplate);
    servers_.checkpoint();
    double seconds = 0;
    {
      Session source(servers_.source(kClone));
      seconds = measure(source);
    }
    servers_.drop_source(kClone);
    return seconds;
  }

  static double loop_bare_statement(Session& source) {
    // The index that it would have of its own: ours is in another order, for which it does not ask.
    source.run(R"(DROP INDEX "ProjectUser_tributary_flagged")");
    source.run(R"(CREATE INDEX ON "ProjectUser" ("tenancyId") WHERE "shouldUpdateSequenceId")");
    source.run("ANALYZE \"ProjectUser\"; CHECKPOINT");
    const auto statement = sql_file("sequence_bare.sql");
    return seconds_of([&] {
      while (source.run(statement) > 0) {
      }
    });
  }

  Servers& servers_;
  const long long users_;
};

}  // namespace

std::vector<Result> sequencing(Context& context) {
  Flagged flagged(context);
  const auto rate = [&](double seconds) { return static_cast<double>(flagged.users()) / seconds; };
  Pairs numbered;
  Pairs delivered;
  for (int pair = 0; pair < context.pairs; ++pair) {
    const auto ours = rate(flagged.sequence());
    numbered.add(ours, rate(flagged.sequence_by_bare_statement()));
    const auto ours_delivered = rate(flagged.sync());
    delivered.add(ours_delivered, rate(flagged.sequence_and_copy()));
  }
  return {{.name = "sequencing",
           .measured = fmt::format("{:.0f} rows/s", median(numbered.ours)),
           .beside = fmt::format("bare statement in a loop: {:.0f} rows/s", median(numbered.baseline)),
           .value = numbered.ratio(),
           .goal = at_least(1.0)},
          {.name = "source_to_destination",
           .measured = fmt::format("{:.0f} rows/s", median(delivered.ours)),
           .beside = fmt::format("bare statement, then psql COPY | COPY: {:.0f} rows/s", median(delivered.baseline)),
           .value = delivered.ratio()}};
}

}  // namespace tributary::bench
