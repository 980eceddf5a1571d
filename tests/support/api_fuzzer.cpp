#include "support/api_fuzzer.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <optional>
#include <random>
#include <set>

#include "base/uuid.hpp"
#include "support/http_client.hpp"
#include "support/json_schema.hpp"

namespace tributary::test {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostFailures = 20;

std::string_view view(json::string_view text) { return {text.data(), text.size()}; }

/// Chance, and the ids that answers gave: one that exists leads further than a random one.
class Source {
 public:
  explicit Source(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class Container>
  const auto& one_of(const Container& container) {
    return *std::next(container.begin(), static_cast<std::ptrdiff_t>(below(container.size())));
  }
  std::uint64_t number() { return random_(); }

  std::string uuid(const std::string& name) {
    const auto& known = seen_[name].empty() ? all_ : seen_[name];
    if (!known.empty() && !one_in(5)) {
      // Mostly one that was seen of late: where two are wanted, chances are that they belong together.
      const auto latest = std::min(known.size(), kLatest);
      return one_in(4) ? one_of(known) : known[known.size() - 1 - below(latest)];
    }
    std::array<std::byte, 16> bytes;
    for (auto& byte : bytes) byte = static_cast<std::byte>(random_());
    return Uuid::from_bytes(bytes).to_string();
  }
  /// An id that is no UUID; empty where none of this name was seen.
  std::string text_id(const std::string& name) { return seen_texts_[name].empty() ? "" : one_of(seen_texts_[name]); }
  /// Remembers the ids of an answer by their names. `owner`: what an "id" is one of ("user_id").
  void learn(const json::value& value, const std::string& name, const std::string& owner) {
    if (const auto* object = value.if_object()) {
      for (const auto& [key, member] : *object) learn(member, key == "id" ? owner : std::string(key), owner);
    } else if (const auto* array = value.if_array()) {
      for (const auto& member : *array) learn(member, name, owner);
    } else if (const auto* text = value.if_string(); text != nullptr && Uuid::parse(view(*text))) {
      see(all_, *text);
      see(seen_[name], *text);
    } else if (text != nullptr && name.ends_with("_id")) {
      seen_texts_[name].emplace(*text);
    }
  }

 private:
  using Ids = std::vector<std::string>;  ///< the latest last

  static constexpr std::size_t kLatest = 4;

  static void see(Ids& ids, std::string_view id) {
    std::erase(ids, id);
    ids.emplace_back(id);
  }

  std::mt19937_64 random_;
  Ids all_;
  std::map<std::string, Ids> seen_;
  std::map<std::string, std::set<std::string>> seen_texts_;
};

/// Values that a schema allows.
class Generator {
 public:
  Generator(Source& source, const FuzzParams& params) : source_(source), document_(params.document), fields_(params.fields) {}

  json::value value(const json::value& schema, const std::string& name, int depth = 0);
  json::value anything(int depth = 0);
  std::string text(std::size_t least, std::size_t most);

 private:
  json::value string(const json::object& schema, const std::string& name);
  json::value object(const json::object& schema, int depth);

  Source& source_;
  const json::object& document_;
  const std::map<std::string, json::array>& fields_;
};

std::int64_t integer_of(const json::object& schema, const char* keyword, std::int64_t otherwise) {
  const auto* found = schema.if_contains(keyword);
  return found != nullptr ? found->to_number<std::int64_t>() : otherwise;
}

json::value Generator::value(const json::value& reference, const std::string& name, int depth) {
  const auto& schema = resolved(reference, document_);
  if (const auto field = fields_.find(name); field != fields_.end() && depth > 0 && !source_.one_in(4))
    return source_.one_of(field->second);
  if (const auto* alternatives = schema.if_contains("anyOf")) return value(source_.one_of(alternatives->as_array()), name, depth);
  if (const auto* choices = schema.if_contains("enum")) return source_.one_of(choices->as_array());
  const auto* types = schema.if_contains("type");
  if (types == nullptr) return anything(depth);
  const auto type = std::string(types->is_string() ? types->as_string() : source_.one_of(types->as_array()).as_string());
  if (type == "null") return nullptr;
  if (type == "boolean") return source_.one_in(2);
  if (type == "string") return string(schema, name);
  if (type == "object") return object(schema, depth);
  if (type == "integer" || type == "number") {
    const auto least = integer_of(schema, "minimum", -1'000'000'000);
    const auto most = integer_of(schema, "maximum", 1'000'000'000'000);
    return source_.one_in(3) ? (source_.one_in(2) ? least : most)
                             : least + static_cast<std::int64_t>(source_.number() % static_cast<std::uint64_t>(most - least + 1));
  }
  json::array array;
  const auto most = std::min<std::int64_t>(integer_of(schema, "maxItems", 3), 3);
  for (auto size = source_.below(static_cast<std::size_t>(most) + 1); size > 0; --size)
    array.push_back(value(schema.at("items"), name, depth + 1));
  return array;
}

json::value Generator::anything(int depth) {
  switch (source_.below(depth > 3 ? 4 : 6)) {
    case 0:
      return nullptr;
    case 1:
      return source_.one_in(2);
    case 2:
      return static_cast<std::int64_t>(source_.number() >> source_.below(64));
    case 3:
      return json::value(text(0, 20));
    case 4: {
      json::array array;
      for (auto size = source_.below(4); size > 0; --size) array.push_back(anything(depth + 1));
      return array;
    }
    default: {
      json::object object;
      for (auto size = source_.below(4); size > 0; --size) object[text(0, 8)] = anything(depth + 1);
      return object;
    }
  }
}

std::string Generator::text(std::size_t least, std::size_t most) {
  static const std::vector<std::string> kPieces{"a",      "Zoë",  "🎉",   "👩‍👩‍👧",
                                                "'",      "\"",   "\\",   "; DROP TABLE x --",
                                                "\n",     "\t",   "\x01", "\x7f",
                                                " ",      "%",    "_",    "{}",
                                                "\u202e", "null", "0",    "ß",
                                                "日本語", "<b>",  "$1",   "\u0301"};
  // Many a text must be more than text allows.
  if (least <= 16 && most >= 20 && source_.one_in(8)) return "fuzz" + std::to_string(source_.below(50)) + "@example.com";
  std::string result;
  std::size_t length = 0;
  const auto wanted = least + source_.below(std::min<std::size_t>(most - least, source_.one_in(20) ? 5'000 : 12) + 1);
  while (length < wanted) {
    const auto& piece = source_.one_of(kPieces);
    const auto characters = static_cast<std::size_t>(
        std::ranges::count_if(piece, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
    if (length + characters > wanted) {
      result += 'x';
      ++length;
    } else {
      result += piece;
      length += characters;
    }
  }
  return result;
}

json::value Generator::string(const json::object& schema, const std::string& name) {
  const auto* format = schema.if_contains("format");
  if (format != nullptr && *format == "uuid") return json::value(source_.uuid(name));
  if (format != nullptr && *format == "email") return json::value("fuzz" + std::to_string(source_.below(50)) + "@example.com");
  if (format != nullptr && *format == "uri") return json::value("https://example.com/" + std::to_string(source_.below(1'000)));
  if (auto id = source_.text_id(name); !id.empty() && source_.one_in(2)) return json::value(id);
  return json::value(text(static_cast<std::size_t>(integer_of(schema, "minLength", 0)),
                          static_cast<std::size_t>(integer_of(schema, "maxLength", 10'000))));
}

json::value Generator::object(const json::object& schema, int depth) {
  json::object result;
  if (const auto* properties = schema.if_contains("properties")) {
    const auto* required = schema.if_contains("required");
    for (const auto& [name, member] : properties->as_object()) {
      const bool must =
          required != nullptr && std::ranges::find(required->as_array(), json::value(name)) != required->as_array().end();
      if (must || source_.one_in(2)) result[name] = value(member, std::string(name), depth + 1);
    }
  }
  const auto* others = schema.if_contains("additionalProperties");
  if (others != nullptr && others->is_object())
    for (auto size = source_.below(4); size > 0; --size) result[text(1, 8)] = value(*others, "", depth + 1);
  return result;
}

struct Operation {
  std::string method;  ///< "GET"
  std::string path;
  const json::object* description;
  bool is_seldom;

  std::string name() const { return method + ' ' + path; }
  /// "user_id" of "/users/{id}"
  std::string owner() const {
    auto first = path.substr(1, path.find('/', 1) - 1);
    std::ranges::replace(first, '-', '_');
    return (first.ends_with('s') ? first.substr(0, first.size() - 1) : first) + "_id";
  }
};

struct Attempt {
  std::string target;
  std::string body;
  bool against_schema = false;  ///< it must be refused
};

std::string percent_encoded(std::string_view text) {
  std::string result;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '~')
      result += static_cast<char>(c);
    else
      result += fmt::format("%{:02X}", c);
  }
  return result;
}

std::string parameter_text(const json::value& value) {
  return percent_encoded(value.is_string() ? view(value.as_string()) : std::string_view(json::serialize(value)));
}

class Fuzzer {
 public:
  explicit Fuzzer(const FuzzParams& params)
      : params_(params), source_(params.seed), generator_(source_, params), client_(params.port) {
    for (const auto& [path, methods] : params.document.at("paths").as_object()) {
      for (const auto& [method, description] : methods.as_object()) {
        std::string upper(method);
        std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        if (!params.leave_out || !params.leave_out(upper, view(path)))
          operations_.push_back(
              {upper, std::string(path), &description.as_object(), params.seldom && params.seldom(upper, view(path))});
      }
    }
    prefix_ = std::string(params.document.at("servers").at(0).at("url").as_string());
  }

  FuzzReport run() {
    for (std::size_t i = 0; i < params_.requests && report_.failures.size() < kMostFailures; ++i) {
      // Each at least once, and then by chance.
      const auto* operation = &(i < operations_.size() ? operations_[i] : source_.one_of(operations_));
      while (i >= operations_.size() && operation->is_seldom && !source_.one_in(10)) operation = &source_.one_of(operations_);
      call(*operation, attempt(*operation));
    }
    // What needs others' successes first may have had bad luck: for as long again, among others.
    for (std::size_t i = 0; i < params_.requests && report_.failures.size() < kMostFailures; ++i) {
      const auto unlucky = std::ranges::find_if(
          operations_, [&](const Operation& operation) { return !report_.successes.contains(operation.name()); });
      if (unlucky == operations_.end()) break;
      const auto& operation = source_.one_in(2) ? *unlucky : source_.one_of(operations_);
      call(operation, attempt(operation));
    }
    return std::move(report_);
  }

 private:
  Attempt attempt(const Operation& operation);
  void spoil(Attempt& attempt, json::object body, bool takes_others);
  void call(const Operation& operation, const Attempt& attempt);
  HttpClient::Fields credentials(const Operation& operation);
  void judge(const Operation& operation, const Attempt& attempt, const HttpClient::Answer& answer);

  const FuzzParams& params_;
  Source source_;
  Generator generator_;
  HttpClient client_;
  std::string prefix_;
  std::vector<Operation> operations_;
  FuzzReport report_;
};

Attempt Fuzzer::attempt(const Operation& operation) {
  Attempt attempt{.target = prefix_ + operation.path};
  char separator = '?';
  if (const auto* parameters = operation.description->if_contains("parameters")) {
    for (const auto& parameter : parameters->as_array()) {
      const auto name = std::string(parameter.at("name").as_string());
      if (parameter.at("in") == "path") {
        const auto value = generator_.value(parameter.at("schema"), name == "id" ? operation.owner() : name);
        const auto place = "{" + name + "}";
        // An empty segment is another path.
        const auto text = parameter_text(value);
        attempt.target.replace(attempt.target.find(place), place.size(), text.empty() ? "x" : text);
      } else if (const auto given = params_.parameters.find(name);
                 given != params_.parameters.end() || parameter.at("required").as_bool() || source_.one_in(3)) {
        const auto value =
            given != params_.parameters.end() ? source_.one_of(given->second) : generator_.value(parameter.at("schema"), name);
        attempt.target += separator + percent_encoded(name) + '=' + parameter_text(value);
        separator = '&';
      }
    }
  }
  if (source_.one_in(20)) {
    attempt.target += std::string(1, separator) + "unknown_parameter=1";
    attempt.against_schema = true;
  }
  if (const auto* body = operation.description->if_contains("requestBody")) {
    const auto& schema = body->at("content").at("application/json").at("schema");
    auto value = generator_.value(schema, "");
    const auto* others = resolved(schema, params_.document).if_contains("additionalProperties");
    if (value.is_object() && source_.one_in(3))
      spoil(attempt, std::move(value.as_object()), others == nullptr || *others != json::value(false));
    else
      attempt.body = json::serialize(value);
  }
  return attempt;
}

/// Against the schema, or at least near its edge. `takes_others`: fields that it does not name are legal.
void Fuzzer::spoil(Attempt& attempt, json::object body, bool takes_others) {
  const auto text = json::serialize(body);
  const auto set = [&](std::string spoilt, bool is_against_schema) {
    attempt.body = std::move(spoilt);
    attempt.against_schema = attempt.against_schema || is_against_schema;
  };
  const auto any_field = [&] { return std::next(body.begin(), static_cast<std::ptrdiff_t>(source_.below(body.size()))); };
  const auto depth = 100 + source_.below(20'000);
  switch (source_.below(8)) {
    case 0:
      return set("", true);
    case 1:
      return set(text.substr(0, text.size() - 1), true);
    case 2:
      return set("{\"unknown\": \"\xC3\x28\"}", true);
    case 3:
      return set('[' + text + ']', true);
    case 4:
      return set(R"({"unknown": )" + std::string(depth, '[') + std::string(depth, ']') + '}', true);
    case 5:
      body["unknown_field"] = generator_.anything();
      return set(json::serialize(body), !takes_others);
    case 6:
      if (!body.empty()) any_field()->value() = generator_.anything();
      return set(json::serialize(body), false);
    default:
      if (!body.empty()) any_field()->value() = json::value(json::string_view("a\0b", 3));
      return set(json::serialize(body), false);
  }
}

HttpClient::Fields Fuzzer::credentials(const Operation& operation) {
  HttpClient::Fields fields{{"Content-Type", "application/json"}};
  // All that there are: what one access type needs is more than one header, and the greater includes the lesser.
  if (!operation.description->at("security").as_array().empty())
    fields.insert(params_.credentials.begin(), params_.credentials.end());
  return fields;
}

void Fuzzer::call(const Operation& operation, const Attempt& attempt) {
  try {
    judge(operation, attempt, client_.request(operation.method, attempt.target, attempt.body, credentials(operation)));
  } catch (const std::exception& error) {
    report_.failures.push_back(
        fmt::format("{} {}\n  {}\n  no answer: {}", operation.method, attempt.target, attempt.body, error.what()));
    client_ = HttpClient(params_.port);
  }
}

void Fuzzer::judge(const Operation& operation, const Attempt& attempt, const HttpClient::Answer& answer) {
  ++report_.by_status[answer.status];
  const auto fail = [&](const std::string& why) {
    report_.failures.push_back(fmt::format("{} {}\n  {}\n  {} {}\n  {}", operation.method, attempt.target,
                                           attempt.body.substr(0, 1'000), answer.status, answer.body.substr(0, 1'000), why));
  };
  if (answer.status >= 500) return fail("is an error of the server");
  if (attempt.against_schema && answer.status < 400) return fail("was against the schema");
  const auto* response = operation.description->at("responses").as_object().if_contains(std::to_string(answer.status));
  if (response == nullptr) return fail("has a status that the document does not have");
  const auto* content = response->as_object().if_contains("content");
  if (content == nullptr) return answer.body.empty() ? void() : fail("has a body that the document does not have");
  const auto type = answer.fields.at("content-type");
  const auto* described = content->as_object().if_contains(type);
  if (described == nullptr) return fail("has a content type that the document does not have: " + type);
  if (answer.status < 400) ++report_.successes[operation.name()];
  if (type != "application/json") return;
  const auto body = json::parse(answer.body);
  const auto mistakes = schema_mistakes(described->at("schema"), body, params_.document);
  if (!mistakes.empty()) return fail("does not match the schema:" + fmt::format("{}", fmt::join(mistakes, "; ")));
  if (answer.status < 400) return source_.learn(body, "", operation.owner());
  const auto code = answer.fields.find("x-stack-known-error");
  if (code == answer.fields.end() || body.at("code") != json::string_view(code->second)) fail("has another code in its header");
}

}  // namespace

FuzzReport fuzz_api(const FuzzParams& params) { return Fuzzer(params).run(); }

}  // namespace tributary::test
