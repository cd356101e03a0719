#include "host/protocols/multipart_form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

namespace serval::host {
namespace {

using testing::HasSubstr;

std::string part(const std::string& header, const std::string& data) {
  return "--b\r\n" + header + "\r\n\r\n" + data + "\r\n";
}
std::string field(const std::string& name, const std::string& data) {
  return part("Content-Disposition: form-data; name=\"" + name + '"', data);
}
const std::string kFile = "Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\"";

// A form with boundary "b", its files gathered as if they were fields, fed in pieces of that size.
Result<std::vector<FormPart>> read_form(std::string_view body, const FormLimits& limits = {},
                                        std::size_t piece = std::string::npos) {
  std::map<std::string, std::string> files;
  FormReader reader(
      "b",
      [&](const FormPart& part, std::string_view bytes) {
        files[part.name] += bytes;
        EXPECT_EQ(files[part.name].size(), part.bytes);
        return Status{};
      },
      limits);
  for (std::size_t at = 0; at < body.size(); at += std::min(piece, body.size() - at))
    if (Status status = reader.feed(body.substr(at, piece)); !status) return status.error();
  if (Status status = reader.finish(); !status) return status.error();
  std::vector<FormPart> parts = reader.parts();
  for (FormPart& part : parts) {
    if (part.is_file) part.data = files[part.name];
    EXPECT_EQ(part.data.size(), part.bytes);
  }
  return parts;
}

// "accepted", or what is wrong with it.
std::string why(const std::string& body, const FormLimits& limits = {}) {
  const auto parts = read_form(body, limits);
  for (const std::size_t piece : {1, 2, 3, 7, 50}) {
    const auto cut = read_form(body, limits, piece);
    EXPECT_EQ(cut.ok(), parts.ok()) << piece;
    if (!cut && !parts) {
      EXPECT_EQ(cut.error().message, parts.error().message) << piece;
      EXPECT_EQ(cut.error().param, parts.error().param) << piece;
    }
  }
  return parts ? "accepted" : parts.error().message;
}

TEST(FormBoundary, ComesFromTheContentType) {
  EXPECT_EQ(*form_boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(*form_boundary("Multipart/Form-Data;charset=utf-8 ; BOUNDARY=\"a b:c\""), "a b:c");
  for (const char* bad :
       {"", "application/json", "multipart/mixed; boundary=a", "multipart/form-data",
        "multipart/form-data; boundary=", "multipart/form-data; boundary",
        "multipart/form-data; =a", "multipart/form-data; boundary=\"a",
        "multipart/form-data; boundary=a\x01", "multipart/form-data; boundary=\"a \"",
        "multipart/form-data boundary=a"})
    EXPECT_FALSE(form_boundary(bad)) << bad;
  EXPECT_FALSE(form_boundary("multipart/form-data; boundary=" + std::string(71, 'a')));
}

TEST(MultipartForm, PartsHoldTheirBytes) {
  const std::string audio("RIFF\0\r\n--\r\n--c\r\n", 17);
  const std::string body = field("model", "m") +
                           part(kFile + "\r\nContent-Type: audio/wav", audio) + field("empty", "") +
                           "--b--\r\n";
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    SCOPED_TRACE("in pieces of " + std::to_string(piece));
    const auto parts = read_form(body, {}, piece);
    ASSERT_TRUE(parts) << parts.error().message;
    ASSERT_EQ(parts->size(), 3u);
    EXPECT_EQ((*parts)[0].name, "model");
    EXPECT_FALSE((*parts)[0].is_file);
    EXPECT_EQ((*parts)[0].data, "m");
    EXPECT_TRUE((*parts)[1].is_file);
    EXPECT_EQ((*parts)[1].filename, "a.wav");
    EXPECT_EQ((*parts)[1].data, audio);
    EXPECT_EQ((*parts)[2].data, "");
  }
}

// What cannot be the beginning of a boundary is not held back.
TEST(MultipartForm, FilesArePassedOnAsTheyCome) {
  std::string got;
  FormReader reader("b", [&](const FormPart&, std::string_view bytes) {
    got += bytes;
    return Status{};
  });
  ASSERT_TRUE(reader.feed(field("model", "m") + "--b\r\n" + kFile + "\r\n\r\n"));
  EXPECT_EQ(reader.parts().at(0).data, "m");
  EXPECT_EQ(reader.parts().at(1).name, "file");
  ASSERT_TRUE(reader.feed("RIFF1234\r\n--"));
  EXPECT_EQ(got, "RIFF1234");
  ASSERT_TRUE(reader.feed("a"));
  ASSERT_TRUE(reader.feed("1234"));
  EXPECT_EQ(got, "RIFF1234\r\n--a");
  EXPECT_FALSE(reader.finish());
  ASSERT_TRUE(reader.feed("\r\n--b--"));
  EXPECT_EQ(got, "RIFF1234\r\n--a1234");
  EXPECT_TRUE(reader.finish());
}

TEST(MultipartForm, WhoTakesAFileMayRefuseIt) {
  FormReader reader("b", [](const FormPart&, std::string_view) { return Status(invalid("no")); });
  const Status fed = reader.feed(part(kFile, "RIFF") + "--b--");
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().message, "no");
}

TEST(MultipartForm, WhatOtherClientsSend) {
  // No quotes, other case, other headers, padding behind a boundary, no CRLF at the end.
  const std::string body =
      "--b \t\r\ncontent-disposition:FORM-DATA;NAME=x\r\nX-Other: 1\r\n"
      "Content-Transfer-Encoding: Binary\r\n\r\n1\r\n"
      "--b\r\nContent-Disposition: form-data; name=\"say \\\"hi\\\"\"; "
      "filename=\"C:\\a.wav\"\r\n\r\n"
      "--b--";
  const auto parts = read_form(body);
  ASSERT_TRUE(parts) << parts.error().message;
  EXPECT_EQ((*parts)[0].name, "x");
  EXPECT_EQ((*parts)[0].data, "1");
  EXPECT_EQ((*parts)[1].name, "say \"hi\"");
  EXPECT_EQ((*parts)[1].filename, "C:\\a.wav");
  EXPECT_EQ((*parts)[1].data, "");
  EXPECT_TRUE(read_form("--b--\r\n")->empty());
}

TEST(MultipartForm, SaysWhatIsWrong) {
  const std::string end = "--b--\r\n";
  EXPECT_EQ(why(""), "the form does not begin with its boundary");
  EXPECT_EQ(why("preamble\r\n" + end), "the form does not begin with its boundary");
  EXPECT_EQ(why("--b"), "the form is cut off behind a boundary");
  EXPECT_EQ(why("--bx\r\n"), "a boundary of the form has more on its line");
  EXPECT_EQ(why(end + "more"), "bytes follow the form's last boundary");
  EXPECT_EQ(why("--b\r\n"), "the header of part 1 of the form is cut off");
  EXPECT_EQ(why(part("Content-Type: text/plain", "x") + end),
            "part 1 of the form has no Content-Disposition with a name");
  EXPECT_EQ(why(part("Content-Disposition: form-data", "x") + end),
            "part 1 of the form has no Content-Disposition with a name");
  EXPECT_EQ(why(part("no header", "x") + end),
            "part 1 of the form has a header line without a name");
  EXPECT_EQ(why(part("Content-Disposition: attachment; name=a", "x") + end),
            "the Content-Disposition of part 1 of the form is not form-data");
  EXPECT_EQ(why(part("Content-Disposition: form-data; name=a; name=b", "x") + end),
            "part 1 of the form has two names");
  EXPECT_EQ(why(part(kFile + "\r\n" + kFile, "x") + end),
            "part 1 of the form has two Content-Dispositions");
  EXPECT_EQ(why(part("Content-Disposition: form-data; name=\"a", "x") + end),
            "the Content-Disposition of part 1 of the form is malformed");
  EXPECT_EQ(why(part("Content-Disposition: form-data; name=\"\"", "x") + end),
            "the name of part 1 of the form must have 1 to 256 bytes");
  EXPECT_EQ(why(part("Content-Disposition: form-data; name=\"\xff\"", "x") + end),
            "the name of part 1 of the form is not UTF-8");
  EXPECT_THAT(why(part(kFile + "\r\nContent-Transfer-Encoding: base64", "x") + end),
              HasSubstr("Content-Transfer-Encoding"));
  EXPECT_EQ(why(field("a", "1") + field("b", "2")),
            "b is cut off: no boundary of the form follows it");
  EXPECT_EQ(why("--b\r\n" + kFile + "\r\n\r\nRIFF"),
            "file is cut off: no boundary of the form follows it");
}

TEST(MultipartForm, EveryLimitHolds) {
  const std::string end = "--b--\r\n";
  FormLimits limits;
  limits.parts = 2;
  EXPECT_EQ(why(field("a", "1") + field("b", "2") + end, limits), "accepted");
  EXPECT_EQ(why(field("a", "1") + field("b", "2") + field("c", "3") + end, limits),
            "the form has more than 2 parts");
  limits.field_bytes = 10;
  EXPECT_EQ(why(field("a", std::string(10, 'x')) + end, limits), "accepted");
  EXPECT_EQ(why(field("a", std::string(11, 'x')) + end, limits),
            "a has more than the 10 bytes that are allowed");
  EXPECT_EQ(why(part(kFile, std::string(1000, 'x')) + end, limits), "accepted");
  limits.name_bytes = 3;
  EXPECT_EQ(why(field("abc", "") + end, limits), "accepted");
  EXPECT_EQ(why(field("abcd", "") + end, limits),
            "the name of part 1 of the form must have 1 to 3 bytes");
  limits.header_bytes = 200;
  EXPECT_EQ(why(part("X: " + std::string(200, 'x'), "") + end, limits),
            "the header of part 1 of the form is longer than 200 bytes");
}

// However a form is cut off, it is an error and never a shorter form.
TEST(MultipartForm, EveryPrefixIsRefused) {
  const std::string body = field("model", "m") + part(kFile, "RIFF\r\n") + "--b--";
  ASSERT_EQ(why(body), "accepted");
  for (std::size_t n = 0; n < body.size(); ++n) EXPECT_NE(why(body.substr(0, n)), "accepted") << n;
}

}  // namespace
}  // namespace serval::host
