#include "support/api_fuzzer.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <ranges>

#include "support/api_generator.hpp"
#include "support/http_client.hpp"
#include "support/json_schema.hpp"

namespace tributary::test {
namespace {

constexpr std::size_t kMostFailures = 20;

struct Operation {
  std::string method;  ///< "GET"
  std::string path;
  const json::object* description;
  bool is_seldom;

  std::string name() const { return method + ' ' + path; }
  bool is_guarded() const { return !description->at("security").as_array().empty(); }
  /// "user_id" of "/users/{id}", "key_id" of "/projects/{project_id}/keys"
  std::string owner() const {
    std::string last;
    for (const auto& segment : std::views::split(std::string_view(path), '/')) {
      const std::string_view text(segment.begin(), segment.end());
      if (!text.empty() && !text.starts_with('{')) last = text;
    }
    std::ranges::replace(last, '-', '_');
    return (last.ends_with('s') ? last.substr(0, last.size() - 1) : last) + "_id";
  }
};

struct Attempt {
  std::string method;
  std::string target;
  std::string body = {};
  HttpClient::Fields fields = {};
  bool must_be_refused = false;

  std::string text() const {
    return fmt::format("{} {}\n  {}\n  {}", method, target, fmt::join(fields, ", "), body.substr(0, 1'000));
  }
};

/// Headers that mean nothing here, or what they should not.
const std::vector<std::pair<std::string, std::string>> kOddHeaders{{"Accept", "image/png"},
                                                                   {"Accept-Encoding", "gzip, br;q=2"},
                                                                   {"Accept-Language", "\xff\xfe"},
                                                                   {"Authorization", "Basic \xF0\x9F\x8E\x89"},
                                                                   {"Authorization", "Bearer "},
                                                                   {"Content-Type", "text/plain; charset=\xff"},
                                                                   {"Cookie", "a=b; \"; =;;"},
                                                                   {"If-None-Match", "*"},
                                                                   {"Origin", "null"},
                                                                   {"Range", "bytes=0-1"},
                                                                   {"Upgrade", "h2c"},
                                                                   {"X-Forwarded-For", "\xF0\x9F\x8E\x89, 127.0.0.1"},
                                                                   {"X-HTTP-Method-Override", "DELETE"},
                                                                   {"X-Request-Id", "<script>"},
                                                                   {"x-hexclave-project-id", "nobody"},
                                                                   {"x-stack-unknown", "\xff"}};

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
      : params_(params), chance_(params.seed), generator_(chance_, params.document, params.fields), client_(params.port) {
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
      const auto* operation = &(i < operations_.size() ? operations_[i] : chance_.one_of(operations_));
      while (i >= operations_.size() && operation->is_seldom && !chance_.one_in(10)) operation = &chance_.one_of(operations_);
      if (chance_.one_in(30)) stray(*operation);
      call(*operation, attempt(*operation));
    }
    // What needs others' successes first may have had bad luck: for as long again, among others.
    for (std::size_t i = 0; i < params_.requests && report_.failures.size() < kMostFailures; ++i) {
      const auto unlucky = std::ranges::find_if(
          operations_, [&](const Operation& operation) { return !report_.successes.contains(operation.name()); });
      if (unlucky == operations_.end()) break;
      const auto& operation = chance_.one_in(2) ? *unlucky : chance_.one_of(operations_);
      call(operation, attempt(operation));
    }
    return std::move(report_);
  }

 private:
  Attempt attempt(const Operation& operation);
  void fill_in(const Operation& operation, Attempt& attempt);
  void spoil(Attempt& attempt, json::object body, bool takes_others);
  void spoil_credentials(Attempt& attempt);
  /// Calls something that is near an operation, and none.
  void stray(const Operation& operation);
  void call(const Operation& operation, const Attempt& attempt);
  std::optional<HttpClient::Answer> answer_to(const Attempt& attempt);
  void judge(const Operation& operation, const Attempt& attempt, const HttpClient::Answer& answer);
  void fail(const Attempt& attempt, const HttpClient::Answer& answer, const std::string& why);

  const FuzzParams& params_;
  Chance chance_;
  Generator generator_;
  HttpClient client_;
  std::string prefix_;
  std::vector<Operation> operations_;
  FuzzReport report_;
};

/// Parameters, by the schema.
void Fuzzer::fill_in(const Operation& operation, Attempt& attempt) {
  char separator = '?';
  const auto* parameters = operation.description->if_contains("parameters");
  for (const auto& parameter : parameters != nullptr ? parameters->as_array() : json::array()) {
    const auto name = std::string(parameter.at("name").as_string());
    const auto given = params_.parameters.find(name);
    const auto value = [&](const std::string& of) {
      return given != params_.parameters.end() ? chance_.one_of(given->second) : generator_.value(parameter.at("schema"), of);
    };
    if (parameter.at("in") == "path") {
      const auto place = "{" + name + "}";
      // An empty segment is another path.
      const auto text = parameter_text(value(name == "id" ? operation.owner() : name));
      attempt.target.replace(attempt.target.find(place), place.size(), text.empty() ? "x" : text);
    } else if (given != params_.parameters.end() || parameter.at("required").as_bool() || chance_.one_in(3)) {
      attempt.target += separator + percent_encoded(name) + '=' + parameter_text(value(name));
      separator = '&';
    }
  }
  if (!chance_.one_in(20)) return;
  attempt.target += std::string(1, separator) + "unknown_parameter=1";
  attempt.must_be_refused = true;
}

Attempt Fuzzer::attempt(const Operation& operation) {
  Attempt attempt{
      .method = operation.method, .target = prefix_ + operation.path, .fields = {{"Content-Type", "application/json"}}};
  fill_in(operation, attempt);
  // All that there are: what one access type needs is more than one header, and the greater includes the lesser.
  if (operation.is_guarded()) {
    attempt.fields.insert(params_.credentials.begin(), params_.credentials.end());
    if (chance_.one_in(20)) spoil_credentials(attempt);
  }
  if (chance_.one_in(10)) {
    const auto& [name, value] = chance_.one_of(kOddHeaders);
    attempt.fields[name] = value;
  }
  if (const auto* body = operation.description->if_contains("requestBody")) {
    const auto& schema = body->at("content").at("application/json").at("schema");
    auto value = generator_.value(schema, "");
    const auto* others = resolved(schema, params_.document).if_contains("additionalProperties");
    if (value.is_object() && chance_.one_in(3))
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
    attempt.must_be_refused = attempt.must_be_refused || is_against_schema;
  };
  const auto any_field = [&] { return std::next(body.begin(), static_cast<std::ptrdiff_t>(chance_.below(body.size()))); };
  const auto depth = 100 + chance_.below(20'000);
  switch (chance_.below(8)) {
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

void Fuzzer::spoil_credentials(Attempt& attempt) {
  attempt.must_be_refused = true;
  if (params_.wrong_credentials.empty() || chance_.one_in(5)) {
    std::erase_if(attempt.fields, [&](const auto& field) { return params_.credentials.contains(field.first); });
    return;
  }
  for (const auto& [name, value] : chance_.one_of(params_.wrong_credentials)) attempt.fields[name] = value;
}

void Fuzzer::stray(const Operation& operation) {
  auto near = attempt(operation);
  const auto path = near.target.substr(0, near.target.find('?'));
  switch (chance_.below(4)) {
    case 0:
      near.target = path + "/no/such/path/at/all";
      break;
    case 1:
      near.target = "/api/v9" + path.substr(prefix_.size());
      break;
    case 2:
      near.target =
          path + chance_.one_of(std::vector<std::string>{"/%", "/%zz", "/%00", "/%ff", "//", "/../..", "/%2e%2e/x/y/z", "/\xff"});
      near.target += "/x/y/z";
      break;
    default:
      near.method = chance_.one_of(std::vector<std::string>{"PUT", "BREW", "TRACE", "get", "PROPFIND", "M-SEARCH"});
  }
  const auto answer = answer_to(near);
  if (!answer) return;
  if (answer->status < 400 || answer->status >= 500) return fail(near, *answer, "is no refusal of what there is not");
  const auto code = answer->fields.find("x-stack-known-error");
  if (code == answer->fields.end() || json::parse(answer->body).at("code") != json::string_view(code->second))
    fail(near, *answer, "has another code in its header");
}

void Fuzzer::call(const Operation& operation, const Attempt& attempt) {
  if (const auto answer = answer_to(attempt)) judge(operation, attempt, *answer);
}

std::optional<HttpClient::Answer> Fuzzer::answer_to(const Attempt& attempt) {
  try {
    auto answer = client_.request(attempt.method, attempt.target, attempt.body, attempt.fields);
    ++report_.by_status[answer.status];
    const auto connection = answer.fields.find("connection");
    if (connection != answer.fields.end() && connection->second == "close") client_ = HttpClient(params_.port);
    return answer;
  } catch (const std::exception& error) {
    report_.failures.push_back(attempt.text() + "\n  no answer: " + error.what());
    client_ = HttpClient(params_.port);
    return std::nullopt;
  }
}

void Fuzzer::fail(const Attempt& attempt, const HttpClient::Answer& answer, const std::string& why) {
  report_.failures.push_back(fmt::format("{}\n  {} {}\n  {}", attempt.text(), answer.status, answer.body.substr(0, 1'000), why));
}

void Fuzzer::judge(const Operation& operation, const Attempt& attempt, const HttpClient::Answer& answer) {
  const auto fail = [&](const std::string& why) { this->fail(attempt, answer, why); };
  if (answer.status >= 500) return fail("is an error of the server");
  if (attempt.must_be_refused && answer.status < 400) return fail("had to be refused");
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
  if (answer.status < 400) return chance_.learn(body, "", operation.owner());
  const auto code = answer.fields.find("x-stack-known-error");
  if (code == answer.fields.end() || body.at("code") != json::string_view(code->second)) fail("has another code in its header");
}

}  // namespace

FuzzReport fuzz_api(const FuzzParams& params) { return Fuzzer(params).run(); }

}  // namespace tributary::test
