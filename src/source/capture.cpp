#include "source/capture.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/sql_text.hpp"
#include "source/migrate.hpp"

// Texts of capture. Function bodies name every object with its schema: they run with search_path = pg_catalog (install_function).

namespace tributary::source {
namespace {

std::string list(std::string_view alias, const std::vector<std::string>& columns) {
  std::string text;
  for (const auto& column : columns) text += fmt::format("{}{}.{}", text.empty() ? "" : ", ", alias, quote_identifier(column));
  return text;
}

/// `jsonb_build_object('id', alias."id"::text, …)`; `cast` is "::text" or nothing.
std::string json_object(std::string_view alias, const std::vector<std::string>& columns, std::string_view cast) {
  std::string text;
  for (const auto& column : columns) {
    text += fmt::format("{}{}, {}.{}{}", text.empty() ? "" : ", ", quote_literal(column), alias, quote_identifier(column), cast);
  }
  return "jsonb_build_object(" + text + ")";
}

std::string text_array(const std::vector<std::string>& texts) {
  std::string list;
  for (const auto& text : texts) list += (list.empty() ? "" : ", ") + quote_literal(text);
  return "ARRAY[" + list + "]::text[]";
}

std::string relation(std::string_view table) { return quote_literal(public_table(table)) + "::regclass"; }

/// Builds the steps that concern one table.
class TableSteps {
 public:
  TableSteps(std::string table, std::vector<Step>& steps) : table_(std::move(table)), steps_(steps) {}

  void column(std::string_view name, std::string_view type) {
    add(fmt::format("column {}", name),
        fmt::format("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {} {}", public_table(table_), quote_identifier(name), type),
        fmt::format("EXISTS (SELECT FROM pg_attribute WHERE attrelid = {} AND attname = {} AND NOT attisdropped)",
                    relation(table_), quote_literal(name)));
  }

  /// `definition` for CREATE INDEX, `tail` an SQL expression of the same as pg_get_indexdef() writes it.
  void index(std::string_view suffix, bool unique, std::string_view definition, std::string_view tail) {
    const auto name = object_name(table_, suffix);
    const auto fits = [&](std::string_view which) {
      return fmt::format("tributary.index_fits({}, {}, {}, {})", relation(table_), which, unique, tail);
    };
    add(fmt::format("drop unusable index {}", name),
        fmt::format("DROP INDEX CONCURRENTLY IF EXISTS public.{}", quote_identifier(name)),
        fmt::format("to_regclass({}) IS NULL OR {}", quote_literal("public." + quote_identifier(name)),
                    fits(quote_literal(name))),
        true);
    add(fmt::format("index {}", name),
        fmt::format("CREATE {}INDEX CONCURRENTLY {} ON {} {}", unique ? "UNIQUE " : "", quote_identifier(name),
                    public_table(table_), definition),
        fits("NULL"), true);
  }

  void drop_plain_unique() {
    const auto call = [&](bool only_look) {
      return fmt::format("tributary.drop_plain_unique({}, {})", relation(table_), only_look);
    };
    add("drop unique indexes on sequenceId that are not partial", "SELECT " + call(false), "NOT " + call(true));
  }

  /// `definition`: what follows CREATE TRIGGER "name", with %s for the table.
  void trigger(std::string_view name, const std::string& definition) {
    const auto arguments = fmt::format("({}, {}, {})", relation(table_), quote_literal(name), quote_literal(definition));
    add(fmt::format("trigger {}", name), "SELECT tributary.install_trigger" + arguments,
        "tributary.trigger_installed" + arguments);
  }

  /// One that an earlier version made.
  void drop_trigger(std::string_view name) {
    add(fmt::format("drop trigger {}", name), fmt::format("DROP TRIGGER IF EXISTS {} ON {}", name, public_table(table_)),
        fmt::format("NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = {} AND tgname = {})", relation(table_),
                    quote_literal(name)));
  }

  /// A function for a trigger, and its name as EXECUTE FUNCTION wants it.
  std::string function(std::string_view suffix, const std::string& body, std::string_view installer = "install_function") {
    const auto name = object_name(table_, suffix);
    const auto arguments = fmt::format("({}, {})", quote_literal(name), quote_literal(body));
    add(fmt::format("function {}", name), fmt::format("SELECT tributary.{}{}", installer, arguments),
        "tributary.function_installed" + arguments);
    return fmt::format("tributary.{}()", quote_identifier(name));
  }

 private:
  void add(std::string name, std::string sql, std::string done, bool concurrently = false) {
    steps_.push_back({fmt::format("{}: {}", table_, name), std::move(sql), std::move(done), concurrently});
  }

  std::string table_;
  std::vector<Step>& steps_;
};

void add_columns(const CapturedTable& table, TableSteps& steps) {
  steps.column("sequenceId", "bigint");
  // A constant default rewrites nothing, and makes every row that is there already one that the sequencer has not seen.
  steps.column("shouldUpdateSequenceId", "boolean NOT NULL DEFAULT true");
  steps.index("tributary_sequence_id", true, "(\"sequenceId\") WHERE \"sequenceId\" IS NOT NULL",
              R"('btree ("sequenceId") WHERE ("sequenceId" IS NOT NULL)')");
  steps.drop_plain_unique();
  const auto tenancy = quote_identifier(table.tenancy_column);
  const auto tenancy_name = quote_literal(table.tenancy_column);
  // What fetching reads. Partial, so that no query of the application, least of all the cached plan of a foreign key's check made when the table was small, can
  // take it for as good as the primary key: of two indexes that seem equal the planner takes the younger one.
  steps.index("tributary_tenancy_sequence", false, fmt::format("({}, \"sequenceId\") WHERE \"sequenceId\" IS NOT NULL", tenancy),
              fmt::format(R"(format('btree (%I, "sequenceId") WHERE ("sequenceId" IS NOT NULL)', {}))", tenancy_name));
  // NULLS FIRST: see "DeletedRow_tributary_flagged" in 0002_capture.sql.
  steps.index("tributary_flagged", false, fmt::format("({} NULLS FIRST) WHERE \"shouldUpdateSequenceId\"", tenancy),
              fmt::format(R"(format('btree (%I NULLS FIRST) WHERE "shouldUpdateSequenceId"', {}))", tenancy_name));
  for (std::size_t i = 0; i < table.lookups.size(); ++i) {  // (the tenancy last, for the same reason)
    std::string columns;
    std::string names;
    std::string places;
    for (const auto& column : table.lookups[i]) {
      const auto* comma = columns.empty() ? "" : ", ";
      columns += comma + quote_identifier(column);
      places += fmt::format("{}%I", comma);
      names += ", " + quote_literal(column);
    }
    steps.index(fmt::format("tributary_target_key_{}", i + 1), false, "(" + columns + ")",
                fmt::format("format('btree ({})'{})", places, names));
  }
}

/// Wakes a sequencer that sleeps and says whose row it is, so that it need not look for it; and of which table, unless rows of others are to be numbered
/// with it. A transaction names about 30 tenancies: a change of everybody's rows must not fill the server's queue.
std::string notify_of_new(const CapturedTable& table, bool stands_alone) {
  return fmt::format(
      "  IF pg_sequence_last_value('tributary.sequencer_state'::regclass) = 2 THEN\n"
      "    DECLARE\n"
      "      named text := coalesce(current_setting('tributary.named', true), '');\n"
      "      whose text := NEW.{}::text{};\n"
      "    BEGIN\n"
      "      IF length(named) > 1200 THEN\n"
      "        PERFORM pg_notify('tributary_change', '');\n"
      "      ELSIF strpos(named, whose || ',') = 0 THEN\n"
      "        PERFORM pg_notify('tributary_change', whose), set_config('tributary.named', named || whose || ',', true);\n"
      "      END IF;\n"
      "    END;\n"
      "  END IF;\n",
      quote_identifier(table.tenancy_column), stands_alone ? " || " + quote_literal(" " + table.name) : "");
}

/// One function and no WHEN: the server parses and prepares a trigger's WHEN anew for each statement, which costs more than the call.
void add_flag_triggers(const CapturedTable& table, bool stands_alone, TableSteps& steps) {
  const auto notify = notify_of_new(table, stands_alone);
  // Whatever the client says, a new row has no sequence id yet.
  const auto flag_new = steps.function("flag_insert",
                                       "BEGIN\n"
                                       "  NEW.\"shouldUpdateSequenceId\" := true;\n"
                                       "  NEW.\"sequenceId\" := NULL;\n" +
                                           notify +
                                           "  RETURN NEW;\n"
                                           "END",
                                       "install_flag_function");
  steps.trigger("tributary_flag_insert", "BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION " + flag_new);
  // Another key or tenancy: as if deleted there and new here. With the old id, a reader of the new tenancy could see it above ids of its own shard that
  // are not committed yet, and pass these.
  // The sequencer is who writes a greater id; an ORM that writes back what it has read gives the same or an older one. Else the id stays, whatever the client
  // says: until the row gets its next one, readers that have passed it have applied it, and those that have not may as well read the newer content there.
  const auto flag = steps.function(
      "flag_update",
      fmt::format("BEGIN\n"
                  "  IF ({}) IS DISTINCT FROM ({}) THEN\n"
                  "    NEW.\"sequenceId\" := NULL;\n"
                  "  ELSIF NEW.\"shouldUpdateSequenceId\" OR NEW.\"sequenceId\" > coalesce(OLD.\"sequenceId\", -1) THEN\n"
                  "    RETURN NEW;\n"
                  "  ELSE\n"
                  "    NEW.\"sequenceId\" := OLD.\"sequenceId\";\n"
                  "  END IF;\n"
                  "  NEW.\"shouldUpdateSequenceId\" := true;\n"
                  "{}"
                  "  RETURN NEW;\n"
                  "END",
                  list("OLD", table.key), list("NEW", table.key), notify),
      "install_flag_function");
  steps.trigger("tributary_flag_update", "BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION " + flag);
  steps.drop_trigger("tributary_flag_key");
}

/// INSERT of a marker for a row that has a target key of a deleted one (`gone`, out of `from`): the destination shows the deleted row if that was the newer one.
/// One that is flagged will be numbered anyway. It is locked, so that nobody deletes it before this is committed, and passed over where somebody is about to delete it:
/// two that delete at once would each name the other's row, and a third one would never be looked at. Who deletes may yet take it back, so the first one is marked, too.
std::string insert_heirs(const CapturedTable& table, std::string_view gone, std::string_view from) {
  std::string text;
  for (const auto& columns : table.shared) {
    const auto other = fmt::format(
        "SELECT * FROM (\n"
        "      SELECT * FROM {} AS other\n"
        "      WHERE ({}) = ({}) AND NOT other.\"shouldUpdateSequenceId\"\n"
        "      LIMIT 1",
        public_table(table.name), list("other", columns), list(gone, columns));
    text += fmt::format(
        "  INSERT INTO tributary.marker (\"tenancyId\", \"tableName\", \"primaryKey\")\n"
        "  SELECT DISTINCT heir.{0}, {1}, {2}\n"
        "  FROM {3}LATERAL (\n"
        "    {4} FOR KEY SHARE SKIP LOCKED) AS unlocked\n"
        "    UNION ALL\n"
        "    {4}) AS first) AS heir;\n",
        quote_identifier(table.tenancy_column), quote_literal(table.name), json_object("heir", table.key, "::text"), from, other);
  }
  return text;
}

void add_tombstone_triggers(const CapturedTable& table, TableSteps& steps) {
  // Everything is said: a table that an ORM has made has its defaults in the ORM.
  const auto values = [&](std::string_view alias) {
    return fmt::format("gen_random_uuid(), {}.{}, {}, {}, {}, now() AT TIME ZONE 'UTC', true", alias,
                       quote_identifier(table.tenancy_column), quote_literal(table.name), json_object(alias, table.key, "::text"),
                       json_object(alias, table.timestamps, ""));
  };
  const std::string insert =
      "  INSERT INTO public.\"DeletedRow\"\n"
      "    (id, \"tenancyId\", \"tableName\", \"primaryKey\", data, \"deletedAt\", \"shouldUpdateSequenceId\")\n";
  const std::string_view notify = "  IF FOUND THEN\n    PERFORM tributary.notify_change();\n  END IF;\n  RETURN NULL;\nEND";

  const auto on_delete =
      steps.function("tombstone_delete", fmt::format("BEGIN\n{}{}  SELECT {}\n  FROM gone;\n{}",
                                                     insert_heirs(table, "gone", "gone, "), insert, values("gone"), notify));
  steps.trigger("tributary_tombstone_delete",
                "AFTER DELETE ON %s REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION " + on_delete);

  const auto on_key = steps.function("tombstone_key", fmt::format("BEGIN\n{}{}  VALUES ({});\n  RETURN NULL;\nEND",
                                                                  insert_heirs(table, "OLD", ""), insert, values("OLD")));
  steps.trigger("tributary_tombstone_key",
                fmt::format("AFTER UPDATE ON %s FOR EACH ROW WHEN (({}) IS DISTINCT FROM ({})) EXECUTE FUNCTION {}",
                            list("OLD", table.key), list("NEW", table.key), on_key));

  const auto on_truncate =
      steps.function("tombstone_truncate",
                     fmt::format("BEGIN\n  PERFORM tributary.check_truncate(TG_RELID);\n{}  SELECT {}\n  FROM {} AS gone;\n{}",
                                 insert, values("gone"), public_table(table.name), notify));
  steps.trigger("tributary_tombstone_truncate", "BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION " + on_truncate);
}

/// INSERT of a marker for each parent of the rows in `rows` (FROM items whose columns are the dependency's). Left out is a parent that this very
/// transaction has written and flagged: nobody can have numbered it without seeing what this transaction did. It is looked up one by one, by its
/// key: a cached plan may be older than the table's size.
std::string insert_markers(const CapturedDependency& dependency, const CapturedTable& parent, std::string_view rows) {
  std::string keys;
  std::string known;
  for (const auto& [column, key] : dependency.on) {
    const auto quoted = quote_identifier(key);
    keys += fmt::format("{}changed.{} AS {}", keys.empty() ? "" : ", ", quote_identifier(column), quoted);
    known += fmt::format("wanted.{} IS NOT NULL\n    AND ", quoted);
  }
  return fmt::format(
      "  INSERT INTO tributary.marker (\"tenancyId\", \"tableName\", \"primaryKey\")\n"
      "  SELECT wanted.{0}, {1}, {2}\n"
      "  FROM (SELECT DISTINCT {3} FROM {4}) AS wanted\n"
      "  WHERE {5}NOT coalesce((\n"
      "      SELECT parent.\"shouldUpdateSequenceId\" AND parent.xmin = pg_current_xact_id()::xid\n"
      "      FROM {6} AS parent\n"
      "      WHERE ({7}) = ({8})), false);\n",
      quote_identifier(parent.tenancy_column), quote_literal(parent.name), json_object("wanted", parent.key, "::text"), keys,
      rows, known, public_table(parent.name), list("parent", parent.key), list("wanted", parent.key));
}

void add_marker_triggers(const CapturedDependency& dependency, const CapturedTable& parent, bool table_is_captured,
                         const std::string& prefix, TableSteps& steps) {
  const std::string_view notify = "  IF FOUND THEN\n    PERFORM tributary.notify_change();\n  END IF;\n  RETURN NULL;\nEND";
  std::vector<std::string> columns;
  for (const auto& pair : dependency.on) columns.push_back(pair.first);

  const auto on_set =
      steps.function(prefix + "_set", fmt::format("BEGIN\n{}{}", insert_markers(dependency, parent, "changed"), notify));
  steps.trigger(prefix + "_insert",
                "AFTER INSERT ON %s REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION " + on_set);
  steps.trigger(prefix + "_delete",
                "AFTER DELETE ON %s REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION " + on_set);

  // By row: so WHEN can leave out the sequencer's own updates, which clear the flag, before anything is queued.
  std::string names;
  for (const auto& column : columns) names += (names.empty() ? "" : ", ") + quote_identifier(column);
  const auto both = fmt::format("(VALUES ({}), ({})) AS changed ({})", list("OLD", columns), list("NEW", columns), names);
  const auto on_update =
      steps.function(prefix + "_row", fmt::format("BEGIN\n{}{}", insert_markers(dependency, parent, both), notify));
  steps.trigger(prefix + "_update", fmt::format("AFTER UPDATE ON %s FOR EACH ROW {}EXECUTE FUNCTION {}",
                                                table_is_captured ? "WHEN (NEW.\"shouldUpdateSequenceId\") " : "", on_update));

  const auto everything = public_table(dependency.table) + " AS changed";
  const auto on_truncate =
      steps.function(prefix + "_all", fmt::format("BEGIN\n  PERFORM tributary.check_truncate(TG_RELID);\n{}{}",
                                                  insert_markers(dependency, parent, everything), notify));
  steps.trigger(prefix + "_truncate", "BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION " + on_truncate);
}

/// Before the first marker is written: `migrate` takes out what others had known when it is done.
Step note_marked_tables(std::span<const mapping::Mapping> mappings) {
  const auto names = text_array(marked_tables(mappings));
  return {.name = std::string(kMarkedTablesStep),
          .sql = "UPDATE tributary.installation SET marked_tables = marked_tables || " + names,
          .done = "(SELECT marked_tables @> " + names + " FROM tributary.installation)"};
}

}  // namespace

std::vector<Step> capture_steps(std::span<const mapping::Mapping> mappings) {
  std::vector<Step> steps;
  steps.push_back(note_marked_tables(mappings));
  const auto tables = captured_tables(mappings);
  const auto dependencies = captured_dependencies(mappings);
  for (const auto& table : tables) {
    TableSteps table_steps(table.name, steps);
    add_columns(table, table_steps);
    add_flag_triggers(table, std::ranges::find(dependencies, table.name, &CapturedDependency::table) == dependencies.end(),
                      table_steps);
    add_tombstone_triggers(table, table_steps);
  }
  int number = 0;
  for (const auto& dependency : dependencies) {
    TableSteps table_steps(dependency.table, steps);
    const auto parent = std::ranges::find(tables, dependency.parent, &CapturedTable::name);
    const bool is_captured = std::ranges::find(tables, dependency.table, &CapturedTable::name) != tables.end();
    add_marker_triggers(dependency, *parent, is_captured, fmt::format("tributary_marker_{}", ++number), table_steps);
  }
  return steps;
}

}  // namespace tributary::source
