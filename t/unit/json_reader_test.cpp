// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/json_reader.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace {

using psm::JsonEvent;
using psm::JsonReader;

std::string show(const JsonReader& reader, JsonEvent event)
{
    switch (event) {
    case JsonEvent::end:
        return ".";
    case JsonEvent::error:
        return "!";
    case JsonEvent::null:
        return "null ";
    case JsonEvent::flag:
        return reader.flag() ? "true " : "false ";
    case JsonEvent::number:
        return reader.number() ? std::to_string(*reader.number()) + " " : "# ";
    case JsonEvent::text:
        return "'" + std::string(reader.text()) + "' ";
    case JsonEvent::key:
        return std::string(reader.text()) + ": ";
    case JsonEvent::open_object:
        return "{ ";
    case JsonEvent::close_object:
        return "} ";
    case JsonEvent::open_array:
        return "[ ";
    case JsonEvent::close_array:
        return "] ";
    }
    return "?";
}

/// All events: "." stands for a good end, "!" for an error. The text is in a
/// block of its own size, so that reading beyond it is seen.
std::string events(std::string_view json)
{
    const std::string exact(json);
    JsonReader reader(exact);
    std::string heard;
    for (;;) {
        const JsonEvent event = reader.next();
        heard += show(reader, event);
        if (event == JsonEvent::end || event == JsonEvent::error) {
            return heard;
        }
    }
}

struct Case {
    std::string_view json;
    std::string_view heard;
};

void check_all(std::span<const Case> cases)
{
    for (const Case& c : cases) {
        check_same(c.json, events(c.json), c.heard);
    }
}

void structure_is_told_event_by_event(void** /*state*/)
{
    static constexpr Case cases[] = {
        {"{}", "{ } ."},
        {" [ ] ", "[ ] ."},
        {"\t{\"a\" :\r1 ,\n\"b\":[true,false , null]}\n",
         "{ a: 1 b: [ true false null ] } ."},
        {R"([[],{"a":{}},"x"])", "[ [ ] { a: { } } 'x' ] ."},
        {R"({"a":1,"a":2})", "{ a: 1 a: 2 } ."},
        {"\"x\"", "'x' ."},
        {"7", "7 ."},
        {"", "!"},
        {" ", "!"},
        {"{", "{ !"},
        {"[", "[ !"},
        {"{]", "{ !"},
        {"[}", "[ !"},
        {"[1}", "[ 1 !"},
        {"{\"a\":1]", "{ a: 1 !"},
        {"{,}", "{ !"},
        {"[,]", "[ !"},
        {"[1,]", "[ 1 !"},
        {"{\"a\":1,}", "{ a: 1 !"},
        {"[1 2]", "[ 1 !"},
        {"{\"a\" 1}", "{ a: !"},
        {"{\"a\":}", "{ a: !"},
        {"{\"a\"}", "{ a: !"},
        {"{a:1}", "{ !"},
        {"{1:1}", "{ !"},
        {"{}x", "{ } !"},
        {"{}{}", "{ } !"},
        {"{},", "{ } !"},
        {"1]", "1 !"},
        {"[]/**/", "[ ] !"},
        {"//\n[]", "!"},
        {"\xef\xbb\xbf[]", "!"},
        {"\v[]", "!"},
        {"tru", "!"},
        {"True", "!"},
        {"nulll", "null !"},
        {"NaN", "!"},
    };
    check_all(cases);
    const std::string_view nul("[]\0", 3);
    check_same("NUL behind", events(nul), "[ ] !");
    check_same("NUL within", events(std::string_view("[\0]", 3)), "[ !");
}

void numbers_are_naturals_or_something_else(void** /*state*/)
{
    static constexpr Case cases[] = {
        {"0", "0 ."},
        {"10", "10 ."},
        {"9223372036854775808", "9223372036854775808 ."},
        {"18446744073709551615", "18446744073709551615 ."},
        {"18446744073709551616", "# ."},
        {"-0", "# ."},
        {"-1", "# ."},
        {"1.0", "# ."},
        {"1e3", "# ."},
        {"1E+3", "# ."},
        {"0e999", "# ."},
        {"1e-999", "# ."},
        {"1.7976931348623158e308", "# ."},
        {"1.7976931348623159e308", "!"},
        {"-1e309", "!"},
        {"01", "0 !"},
        {"-01", "# !"},
        {"+1", "!"},
        {"-", "!"},
        {".5", "!"},
        {"1.", "!"},
        {"1.e5", "!"},
        {"1e", "!"},
        {"1e+", "!"},
        {"1e+-1", "!"},
        {"0x10", "0 !"},
        {"1_000", "1 !"},
    };
    check_all(cases);
    check_same("309 digits", events(std::string(309, '1')), "# .");
    check_same("310 digits", events(std::string(310, '1')), "!");
    check_same("a long fraction", events("0." + std::string(400, '0') + "1"),
               "# .");
}

void texts_lose_their_escapes(void** /*state*/)
{
    static constexpr Case cases[] = {
        {R"("")", "'' ."},
        {R"("a\"\\\/\b\f\n\r\tz")", "'a\"\\/\b\f\n\r\tz' ."},
        {R"("\u0041\u00e4\u20AC\ud83d\ude00")",
         "'A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80' ."},
        {R"("\ud800\udc00\udbff\udfff")",
         "'\xf0\x90\x80\x80\xf4\x8f\xbf\xbf' ."},
        {R"({"\u0061":"b","c":"d"})", "{ a: 'b' c: 'd' } ."},
        {"\"\x7f\"", "'\x7f' ."},
        {R"("\x41")", "!"},
        {R"("\'")", "!"},
        {R"("\N")", "!"},
        {R"("\u12")", "!"},
        {R"("\u12g4")", "!"},
        {R"("\U0041")", "!"},
        {R"("\ud800")", "!"},
        {R"("\ud800x")", "!"},
        {R"("\ud800\n")", "!"},
        {R"("\ud800\u0041")", "!"},
        {R"("\ud800\ud800")", "!"},
        {R"("\udc00")", "!"},
        {R"("\udfff\ud800")", "!"},
        {R"(")", "!"},
        {R"("a)", "!"},
        {R"("\)", "!"},
        {R"("\")", "!"},
        {R"("\u)", "!"},
        {R"('a')", "!"},
        {"\"a\nb\"", "!"},
        {"\"\x1f\"", "!"},
    };
    check_all(cases);
    check_same("an escaped NUL", events(R"("a\u0000b")"),
               std::string_view("'a\0b' .", 7));
    check_same("a NUL", events(std::string_view("\"a\0b\"", 5)), "!");
}

/// Whether these bytes are UTF-8, by arithmetic: what they say, said in the
/// shortest way.
bool is_utf8(std::string_view text)
{
    const auto byte = [text](std::size_t at) {
        return static_cast<unsigned char>(text[at]);
    };
    for (std::size_t at = 0; at < text.size();) {
        const std::uint32_t first = byte(at);
        const std::size_t length = first < 0x80          ? 1
                                   : first >> 5U == 0x06 ? 2
                                   : first >> 4U == 0x0e ? 3
                                   : first >> 3U == 0x1e ? 4
                                                         : 0;
        if (length == 0 || at + length > text.size()) {
            return false;
        }
        std::uint32_t code =
            length == 1 ? first : first & (0xffU >> (length + 1));
        for (std::size_t i = 1; i < length; i++) {
            if ((byte(at + i) & 0xc0U) != 0x80) {
                return false;
            }
            code = code << 6U | (byte(at + i) & 0x3fU);
        }
        constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800,
                                                     0x10000};
        if (code < least[length] || code > 0x10ffff ||
            (code >= 0xd800 && code <= 0xdfff)) {
            return false;
        }
        at += length;
    }
    return true;
}

void texts_are_utf8(void** /*state*/)
{
    for (unsigned pair = 0x8000; pair < 0x10000; pair++) {
        const std::string two{static_cast<char>(pair >> 8U),
                              static_cast<char>(pair & 0xffU)};
        for (const std::string_view tail :
             {"", "\x80", "\xbf\x80", "a", "\xc0"}) {
            const std::string text = two + std::string(tail);
            if (text.find_first_of("\"\\") != std::string::npos ||
                static_cast<unsigned char>(two[1]) < 0x20) {
                continue;
            }
            const std::string heard =
                is_utf8(text) ? "'" + text + "' ." : std::string("!");
            check_same(text, events('"' + text + '"'), heard);
        }
    }
}

void nesting_is_limited(void** /*state*/)
{
    const std::size_t most = JsonReader::max_depth;
    const std::string open(most, '[');
    const std::string close(most, ']');
    check_that("the deepest", events(open + close).ends_with("."));
    check_that("too deep", events("[" + open + close + "]").ends_with("!"));
    check_that("much too deep", events(std::string(60000, '[')).ends_with("!"));

    std::string mixed;
    for (std::size_t i = 0; i < most / 2; i++) {
        mixed += "[{\"a\":";
    }
    mixed += "1";
    for (std::size_t i = 0; i < most / 2; i++) {
        mixed += "}]";
    }
    check_that("kinds are kept apart", events(mixed).ends_with("] ."));
    mixed[mixed.size() - 1] = '}';
    check_that("to the outermost", events(mixed).ends_with("} !"));
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(structure_is_told_event_by_event),
        cmocka_unit_test(numbers_are_naturals_or_something_else),
        cmocka_unit_test(texts_lose_their_escapes),
        cmocka_unit_test(texts_are_utf8),
        cmocka_unit_test(nesting_is_limited),
    };
    return cmocka_run_group_tests_name("json_reader", tests, nullptr, nullptr);
}
