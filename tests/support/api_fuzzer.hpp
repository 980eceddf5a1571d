#pragma once
#include <boost/json/object.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tributary::test {

/// What a fuzzer does. The same seed sends the same requests where the server gives the same answers.
struct FuzzParams {
  std::uint16_t port = 0;
  boost::json::object document;  ///< OpenAPI, of the server at that port
  std::map<std::string, std::string> credentials = {};  ///< header → value, for each header that the document's security names
  /// What replaces some of them now and then: whoever shows that is refused.
  std::vector<std::map<std::string, std::string>> wrong_credentials = {};
  std::size_t requests = 10'000;
  std::uint64_t seed = 1;
  /// Operations to leave out: what never ends, or what is missing here.
  std::function<bool(std::string_view method, std::string_view path)> leave_out = {};
  /// Operations that cost much: called a tenth as often as the others.
  std::function<bool(std::string_view method, std::string_view path)> seldom = {};
  /// Values of parameters, of paths and queries, by their names: one of them is always given.
  std::map<std::string, boost::json::array> parameters = {};
  /// Values of fields by their names, for three of four bodies.
  std::map<std::string, boost::json::array> fields = {};
};

struct FuzzReport {
  std::map<unsigned, std::size_t> by_status;
  std::map<std::string, std::size_t>
      successes;  ///< by operation ("POST /users"): an operation that never succeeds was not tested
  std::vector<std::string> failures;             ///< each with the request that led to it; at most 20
};

/// Calls every operation of a document with requests that its schema allows, and with such that it does not: of another form, with wrong or missing credentials,
/// with odd headers, and at paths and with methods that there are not. A failure is: an answer of 500 and above, a status, a content type or a body that the document
/// does not have, an error whose header and body do not say the same, no answer at all, and a success where the request was to be refused.
FuzzReport fuzz_api(const FuzzParams& params);

}  // namespace tributary::test
