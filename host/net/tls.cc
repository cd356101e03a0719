#include "host/net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace serval::host {
namespace {

// What OpenSSL says of its last error, without the code numbers.
std::string ssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown error";
}

int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                unsigned int in_size, void*) {
  static constexpr unsigned char kOurs[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, out_size, kOurs, sizeof kOurs - 1, in, in_size);
  if (found != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// Never asks a terminal for a pass phrase: a server has none.
int no_pass_phrase(char*, int, int, void*) { return 0; }

Result<std::shared_ptr<SSL_CTX>> make_context(const std::string& chain, const std::string& key) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return error(Code::internal, "TLS cannot be set up: " + ssl_reason());
  SSL_CTX* c = context.get();
  SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
  SSL_CTX_set_options(
      c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Buffers of an idle connection go back; a write may be repeated from another address.
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20");  // TLS 1.2: forward secrecy, AEAD
  SSL_CTX_set_alpn_select_cb(c, select_alpn, nullptr);
  SSL_CTX_set_default_passwd_cb(c, no_pass_phrase);

  if (SSL_CTX_use_certificate_chain_file(c, chain.c_str()) != 1)
    return invalid("certificate " + chain + " cannot be used: " + ssl_reason());
  if (SSL_CTX_use_PrivateKey_file(c, key.c_str(), SSL_FILETYPE_PEM) != 1)
    return invalid("private key " + key + " cannot be used: " + ssl_reason());
  if (SSL_CTX_check_private_key(c) != 1)
    return invalid("private key " + key + " does not belong to certificate " + chain);
  return context;
}

}  // namespace

Result<std::shared_ptr<TlsContext>> TlsContext::load(std::string certificate_chain,
                                                     std::string key) {
  std::shared_ptr<TlsContext> tls(new TlsContext(std::move(certificate_chain), std::move(key)));
  const Status status = tls->reload();
  if (!status) return status.error();
  return tls;
}

Status TlsContext::reload() {
  Result<std::shared_ptr<SSL_CTX>> context = make_context(chain_, key_);
  if (!context) return context.error();
  std::lock_guard lock(mutex_);
  context_ = std::move(*context);
  return {};
}

std::shared_ptr<SSL_CTX> TlsContext::current() const {
  std::lock_guard lock(mutex_);
  return context_;
}

}  // namespace serval::host
