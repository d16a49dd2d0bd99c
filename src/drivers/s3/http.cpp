#include "drivers/s3/http.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

#include "eventcollect/version.hpp"

namespace eventcollect::s3 {

using std::chrono::milliseconds;

namespace {

constexpr std::size_t max_idle = 16;
constexpr milliseconds max_connect{10'000};

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

HeaderList header_list(const std::vector<std::string>& headers) {
  HeaderList list;
  for (const std::string& header : headers) {
    curl_slist* longer = curl_slist_append(list.get(), header.c_str());
    if (longer == nullptr) throw std::bad_alloc{};
    static_cast<void>(list.release());
    list.reset(longer);
  }
  return list;
}

template <typename Value>
void set(CURL* handle, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(handle, option, value);
  if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc{};
  if (code != CURLE_OK) {
    throw std::logic_error{fmt::format("libcurl rejects its option {}: {}",
                                       static_cast<int>(option), curl_easy_strerror(code))};
  }
}

// Where an answer goes while it comes.
struct Receiver {
  CURL* handle;
  std::size_t max_bytes;
  std::string& body;

  static std::size_t receive(const char* data, std::size_t, std::size_t bytes, void* to) {
    auto& self = *static_cast<Receiver*>(to);
    // A shorter count than what came makes libcurl give up.
    if (bytes > self.max_bytes - self.body.size()) return 0;
    try {
      if (self.body.empty()) self.reserve();
      self.body.append(data, bytes);
    } catch (const std::bad_alloc&) {
      return 0;
    }
    return bytes;
  }

  void reserve() {
    curl_off_t length = -1;
    curl_easy_getinfo(handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (length > 0) body.reserve(std::min(static_cast<std::size_t>(length), max_bytes));
  }
};

void set_request(CURL* handle, const HttpRequest& request) {
  set(handle, CURLOPT_URL, request.url.c_str());
  set(handle, CURLOPT_PATH_AS_IS, 1L);
  if (request.method == "HEAD") {
    set(handle, CURLOPT_NOBODY, 1L);
  } else if (request.method == "PUT" || request.method == "POST") {
    set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(handle, CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data());
  }
  if (request.method != "HEAD") set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void set_behaviour(CURL* handle, const HttpRequest& request) {
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(handle, CURLOPT_USERAGENT, fmt::format("eventcollect/{}", version).c_str());
  set(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  const auto timeout = std::max<milliseconds::rep>(1, request.timeout.count());
  set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout));
  set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(timeout, max_connect.count())));
  if (request.silence_timeout > milliseconds{0}) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(request.silence_timeout);
    set(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(seconds.count()));
  }
}

void take_headers(CURL* handle, HttpResponse& response) {
  curl_header* header = nullptr;
  while ((header = curl_easy_nextheader(handle, CURLH_HEADER, -1, header)) != nullptr) {
    std::string name{header->name};
    for (char& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    response.headers.insert_or_assign(std::move(name), header->value);
  }
}

}  // namespace

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

HttpClient::HttpClient(std::string region, std::string ca_file)
    : signature_{fmt::format("aws:amz:{}:s3", region)}, ca_file_{std::move(ca_file)} {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) throw std::runtime_error{"libcurl cannot be initialized"};
}

HttpClient::~HttpClient() {
  for (CURL* handle : idle_) curl_easy_cleanup(handle);
}

CURL* HttpClient::take() {
  {
    const std::lock_guard lock{mutex_};
    if (!idle_.empty()) {
      CURL* handle = idle_.back();
      idle_.pop_back();
      return handle;
    }
  }
  CURL* handle = curl_easy_init();
  if (handle == nullptr) throw std::bad_alloc{};
  return handle;
}

// Its connections stay open.
void HttpClient::give_back(CURL* handle) {
  curl_easy_reset(handle);
  const std::lock_guard lock{mutex_};
  if (idle_.size() < max_idle) {
    idle_.push_back(handle);
  } else {
    curl_easy_cleanup(handle);
  }
}

HttpResponse HttpClient::perform(const HttpRequest& request, const Credentials& credentials) {
  HttpResponse response;
  const auto put_away = [this](CURL* used) { give_back(used); };
  const std::unique_ptr<CURL, decltype(put_away)> owner{take(), put_away};
  CURL* handle = owner.get();
  std::array<char, CURL_ERROR_SIZE> problem{};
  Receiver receiver{handle, request.max_answer_bytes, response.body};
  std::vector<std::string> headers = request.headers;
  if (!credentials.session_token.empty()) {
    headers.push_back("x-amz-security-token: " + credentials.session_token);
  }
  const HeaderList list = header_list(headers);
  set_behaviour(handle, request);
  set_request(handle, request);
  set(handle, CURLOPT_HTTPHEADER, list.get());
  set(handle, CURLOPT_AWS_SIGV4, signature_.c_str());
  set(handle, CURLOPT_USERNAME, credentials.access_key.c_str());
  set(handle, CURLOPT_PASSWORD, credentials.secret.c_str());
  if (!ca_file_.empty()) set(handle, CURLOPT_CAINFO, ca_file_.c_str());
  set(handle, CURLOPT_ERRORBUFFER, problem.data());
  set(handle, CURLOPT_WRITEFUNCTION, &Receiver::receive);
  set(handle, CURLOPT_WRITEDATA, &receiver);
  response.code = curl_easy_perform(handle);
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &response.status);
  // Counts what libcurl sent again by itself, too, over a connection that turned out to be dead.
  long sent_bytes = 0;
  curl_easy_getinfo(handle, CURLINFO_REQUEST_SIZE, &sent_bytes);
  response.was_sent = sent_bytes > 0;
  take_headers(handle, response);
  if (response.code != CURLE_OK) {
    response.problem = problem[0] != '\0' ? problem.data() : curl_easy_strerror(response.code);
  }
  return response;
}

}  // namespace eventcollect::s3
