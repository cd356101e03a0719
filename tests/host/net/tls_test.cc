// TLS listeners: what they speak, what they refuse, new certificates while they run.
#include "host/net/tls.h"

#include <fstream>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include "tests/host/net/raw_client.h"

namespace serval::host {
namespace {

using std::chrono::milliseconds;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freer<Free>>;

struct Files {
  std::string certificate, key;
};

// A new self-signed certificate for `name`.
Files make_certificate(const std::string& name) {
  Files files{testing::TempDir() + name + std::to_string(getpid()) + ".crt",
              testing::TempDir() + name + std::to_string(getpid()) + ".key"};
  Owned<EVP_PKEY, EVP_PKEY_free> key(EVP_EC_gen("P-256"));
  Owned<X509, X509_free> certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const auto write = [](const std::string& path, auto body) {
    Owned<FILE, fclose> file(fopen(path.c_str(), "w"));
    body(file.get());
  };
  write(files.certificate, [&](FILE* f) { PEM_write_X509(f, certificate.get()); });
  write(files.key, [&](FILE* f) {
    PEM_write_PrivateKey(f, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return files;
}

class TlsClient {
 public:
  explicit TlsClient(uint16_t port, int version = 0)
      : raw_(port), context_(SSL_CTX_new(TLS_client_method())) {
    if (version != 0) {
      SSL_CTX_set_min_proto_version(context_.get(), version);
      SSL_CTX_set_max_proto_version(context_.get(), version);
      SSL_CTX_set_cipher_list(context_.get(), "ALL:@SECLEVEL=0");
    }
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), raw_.fd());
    connected_ = SSL_connect(ssl_.get()) == 1;
  }
  bool connected() const { return connected_; }
  void send(const std::string& text) { SSL_write(ssl_.get(), text.data(), int(text.size())); }
  std::string read_until(const std::string& text) {
    std::string all;
    char bytes[4096];
    int n = 0;
    while (all.find(text) == std::string::npos &&
           (n = SSL_read(ssl_.get(), bytes, sizeof bytes)) > 0)
      all.append(bytes, std::size_t(n));
    return all;
  }
  std::string server_name() const {
    Owned<X509, X509_free> certificate(SSL_get1_peer_certificate(ssl_.get()));
    char name[64] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name,
                              sizeof name);
    return name;
  }

 private:
  RawClient raw_;
  Owned<SSL_CTX, SSL_CTX_free> context_;
  Owned<SSL, SSL_free> ssl_;
  bool connected_ = false;
};

Router echo_router() {
  Router router;
  router.add({"POST", "/echo", kScopeNone,
              [](HttpRequest http) -> Handled {
                HttpResponse response;
                response.body = http.body + "!";
                return response;
              },
              0});
  return router;
}

struct TlsServer {
  Files files = make_certificate("one");
  std::shared_ptr<TlsContext> tls;
  std::unique_ptr<HttpServer> server;

  explicit TlsServer(ServerOptions options = {}) {
    auto loaded = TlsContext::load(files.certificate, files.key);
    EXPECT_TRUE(loaded) << loaded.error().message;
    tls = *loaded;
    ListenOptions listen;
    listen.tls = tls;
    server = start_server(echo_router(), std::move(options), listen);
  }
  uint16_t port() const { return server->ports()[0]; }
};

TEST(Tls, ServesManyRequestsAndLargeBodies) {
  TlsServer server;
  TlsClient client(server.port());
  ASSERT_TRUE(client.connected());
  for (int i = 0; i < 3; ++i) {
    client.send(post("/echo", "abc"));
    EXPECT_EQ(body_of(client.read_until("abc!")), "abc!");
  }
  const std::string large(3u << 20, 'x');
  client.send(post("/echo", large));
  EXPECT_EQ(body_of(client.read_until("!")).size(), large.size() + 1);
}

TEST(Tls, SpeaksVersions12And13Only) {
  TlsServer server;
  EXPECT_TRUE(TlsClient(server.port(), TLS1_3_VERSION).connected());
  EXPECT_TRUE(TlsClient(server.port(), TLS1_2_VERSION).connected());
  EXPECT_FALSE(TlsClient(server.port(), TLS1_1_VERSION).connected());
}

TEST(Tls, NeverAnswersInPlainText) {
  TlsServer server;
  RawClient client(server.port());
  client.send(post("/echo", "abc"));
  bool closed = false;
  EXPECT_EQ(client.read_all(&closed).find("HTTP"), std::string::npos);
  EXPECT_TRUE(closed);
}

TEST(Tls, SlowHandshakesAreCutOff) {
  ServerOptions options;
  options.limits.handshake = milliseconds(100);
  TlsServer server(options);
  RawClient client(server.port());
  client.send("\x16\x03\x01");
  bool closed = false;
  client.read_all(&closed);
  EXPECT_TRUE(closed);
}

TEST(Tls, NewCertificatesServeNewConnections) {
  TlsServer server;
  TlsClient old(server.port());
  EXPECT_EQ(old.server_name(), "one");
  const Files two = make_certificate("two");
  rename(two.certificate.c_str(), server.files.certificate.c_str());
  EXPECT_FALSE(server.tls->reload());  // the key is still the old one: nothing changes
  EXPECT_EQ(TlsClient(server.port()).server_name(), "one");
  rename(two.key.c_str(), server.files.key.c_str());
  EXPECT_TRUE(server.tls->reload());
  EXPECT_EQ(TlsClient(server.port()).server_name(), "two");
  old.send(post("/echo", "abc"));
  EXPECT_EQ(body_of(old.read_until("!")), "abc!");
}

TEST(Tls, FilesThatCannotBeUsedAreRefusedByName) {
  const Files good = make_certificate("good");
  const auto missing = TlsContext::load("/nonexistent.crt", good.key);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("/nonexistent.crt"), std::string::npos);
  std::ofstream(good.key) << "not a key";
  EXPECT_FALSE(TlsContext::load(good.certificate, good.key));
}

}  // namespace
}  // namespace serval::host
