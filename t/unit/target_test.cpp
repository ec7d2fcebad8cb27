// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/target.hpp"

#include <array>
#include <string>
#include <vector>

namespace {

using psm::TargetKind;

constexpr std::array<std::string_view, 1> root{"/"};

struct Case {
    std::string_view uri;
    TargetKind kind;
    std::string_view channel;
};

void check_cases(std::span<const Case> cases,
                 std::span<const std::string_view> bases)
{
    for (const Case& c : cases) {
        const psm::Target target = psm::find_target(c.uri, bases);
        check_equal(c.uri, target.kind, c.kind);
        check_same(c.uri, target.channel, c.channel);
    }
}

void channel_ends_at_platform_or_last_segment(void** /*state*/)
{
    static constexpr Case cases[] = {
        {"/main", TargetKind::index, "main"},
        {"/main/", TargetKind::index, "main"},
        {"/main/dev", TargetKind::file, "main"},
        {"/main/dev/", TargetKind::index, "main/dev"},
        {"/main/noarch", TargetKind::index, "main"},
        {"/main/noarch/", TargetKind::index, "main"},
        {"/main/noarch/a-1-0.conda", TargetKind::file, "main"},
        {"/main/dev/linux-64/a-1-0.tar.bz2", TargetKind::file, "main/dev"},
        {"/main/dev/linux-64", TargetKind::index, "main/dev"},
        {"/main/dev/linux-64/", TargetKind::index, "main/dev"},
        {"/main/noarch/linux-64", TargetKind::file, "main"},
        {"/main/noarch/deep/x.conda", TargetKind::file, "main"},
        {"/main/noarch/deep/", TargetKind::index, "main"},
        {"/main/a.conda", TargetKind::file, "main"},
        {"/main/t", TargetKind::file, "main"},
        {"/main/noarch/t/x.conda", TargetKind::file, "main"},
        {"/a/b/c/d/e/f/g/h/noarch/x", TargetKind::file, "a/b/c/d/e/f/g/h"},
        {"/a/b/c/d/e/f/g/h/x", TargetKind::file, "a/b/c/d/e/f/g/h"},
        {"/a/b/c/d/e/f/g/h/", TargetKind::index, "a/b/c/d/e/f/g/h"},
        {"/Main/noarch/x", TargetKind::file, "Main"},
    };
    check_cases(cases, root);
}

void pip_and_notebooks_end_a_channel_too(void** /*state*/)
{
    static constexpr Case cases[] = {
        {"/main/simple", TargetKind::file, "main"},
        {"/main/simple/", TargetKind::index, "main"},
        {"/main/simple/foo", TargetKind::file, "main"},
        {"/main/simple/foo/", TargetKind::index, "main"},
        {"/main/simple/foo/f-1-py3-none-any.whl", TargetKind::file, "main"},
        {"/main/simple/noarch", TargetKind::file, "main"},
        {"/main/simple/index.html", TargetKind::index, "main"},
        {"/main/dev/simple/foo/", TargetKind::index, "main/dev"},
        {"/main/jupyter", TargetKind::file, "main"},
        {"/main/jupyter/", TargetKind::index, "main"},
        {"/main/jupyter/x.ipynb", TargetKind::file, "main"},
    };
    check_cases(cases, root);
}

void index_files_are_told_by_name(void** /*state*/)
{
    for (const std::string_view name :
         {"repodata.json", "repodata.json.zst", "repodata.json.bz2",
          "repodata_shards.msgpack.zst", "repodata_from_packages.json",
          "current_repodata.json", "current_repodata.json.zst",
          "0a1b2c.msgpack.zst", "channeldata.json", "channeldata.json.bz2",
          "run_exports.json", "run_exports.json.zst", "notices.json",
          "patch_instructions.json", "patch_instructions.json.zst",
          "index.html", "rss.xml"}) {
        for (const std::string_view where : {"/main/", "/main/noarch/"}) {
            const std::string uri = std::string(where) + std::string(name);
            const psm::Target target = psm::find_target(uri, root);
            check_equal(uri, target.kind, TargetKind::index);
            check_same(uri, target.channel, "main");
        }
    }
    for (const std::string_view name :
         {"my-repodata.json", "Repodata.json", "notices.json.zst",
          "notices.json2", "index.html.gz", "xindex.html", "rss.xml2",
          "a.msgpack", "msgpack.zst", "a.msgpack.zst.conda", "channeldata",
          "a-1-0.conda", "a!1+b-0.tar.bz2", "x;y.conda", "\xc3\xa4.conda"}) {
        const std::string uri = "/main/noarch/" + std::string(name);
        const psm::Target target = psm::find_target(uri, root);
        check_equal(uri, target.kind, TargetKind::file);
        check_same(uri, target.channel, "main");
    }
}

void what_names_no_channel_is_unknown(void** /*state*/)
{
    for (const std::string_view uri : {"",
                                       "/",
                                       "main",
                                       "main/noarch/x",
                                       "/noarch",
                                       "/noarch/",
                                       "/noarch/x",
                                       "/linux-64/repodata.json",
                                       "/simple",
                                       "/simple/",
                                       "/simple/x",
                                       "/jupyter/x",
                                       "/t",
                                       "/t/",
                                       "/t/x",
                                       "/t/x/noarch/y",
                                       "/main/t/",
                                       "/main/t/noarch/x",
                                       "/.hidden",
                                       "/.hidden/x",
                                       "/-a/x",
                                       "/a!/x",
                                       "/a b/x",
                                       "/main/d!v/x",
                                       "/main/_x/noarch/y",
                                       "/a!",
                                       "/a/b/c/d/e/f/g/h/i/x",
                                       "/a/b/c/d/e/f/g/h/i/noarch/x"}) {
        const psm::Target target = psm::find_target(uri, root);
        check_equal(uri, target.kind, TargetKind::unknown);
        check_same(uri, target.channel, "");
    }
    const std::string longest = "/" + std::string(64, 'a') + "/noarch/x";
    const std::string too_long = "/" + std::string(65, 'a') + "/noarch/x";
    check_equal("64", psm::find_target(longest, root).kind, TargetKind::file);
    check_equal("65", psm::find_target(too_long, root).kind,
                TargetKind::unknown);
}

void paths_that_others_read_otherwise_are_unknown(void** /*state*/)
{
    for (const std::string_view bad :
         {"/", "./", "../", "x//", "x/./", "x/../", "%2e%2e/", "x%2fy/", "..\\",
          "x\\y/", "a\nb/", "a\tb/", "a\x7f/", "..;x/", ".;/", ";x/"}) {
        for (const std::string_view file : {"", "f.conda"}) {
            const std::string uri =
                "/main/noarch/" + std::string(bad) + std::string(file);
            check_equal(uri, psm::find_target(uri, root).kind,
                        TargetKind::unknown);
        }
    }
    for (const std::string_view uri :
         {"//main", "//", "/main//", "/./main", "/main/.", "/main/..",
          "/main/noarch/..", "/main/noarch/.", "/main%2fdev", "/main/%"}) {
        check_equal(uri, psm::find_target(uri, root).kind, TargetKind::unknown);
    }
    const std::string_view nul{"/main/noarch/a\0b", 16};
    check_equal("NUL", psm::find_target(nul, root).kind, TargetKind::unknown);
}

void longest_base_counts(void** /*state*/)
{
    static constexpr std::array<std::string_view, 3> bases{
        "/conda/", "/api/repo/", "/api/"};
    static constexpr Case cases[] = {
        {"/api/repo/main/noarch/x", TargetKind::file, "main"},
        {"/api/repo/main", TargetKind::index, "main"},
        {"/api/repo/", TargetKind::unknown, ""},
        {"/api/repo", TargetKind::index, "repo"},
        {"/api/repo2/x/", TargetKind::index, "repo2/x"},
        {"/conda/main/noarch/", TargetKind::index, "main"},
        {"/conda", TargetKind::unknown, ""},
        {"/main/noarch/x", TargetKind::unknown, ""},
        {"/Api/repo/main", TargetKind::unknown, ""},
        {"/api/repo/api/repo/x", TargetKind::file, "api/repo"},
    };
    check_cases(cases, bases);
    check_equal("no base", psm::find_target("/main", {}).kind,
                TargetKind::unknown);
}

void a_named_channel_takes_the_place_of_the_paths_own(void** /*state*/)
{
    struct Named {
        std::string_view channel;
        std::string_view uri;
        TargetKind kind;
    };

    constexpr std::array<std::string_view, 1> bases{"/"};
    const auto named = std::to_array<Named>({
        {"main", "/other/noarch/a.conda", TargetKind::file},
        {"main", "/other/noarch/repodata.json", TargetKind::index},
        {"main", "/noarch/repodata.json", TargetKind::index},
        {"main", "/t/t/channeldata.json", TargetKind::index},
        {"main/dev", "/", TargetKind::index},
        {"main", "/noarch", TargetKind::index},
        {"main", "/noarch/noarch", TargetKind::file},
        {"main", "/-/x/", TargetKind::index},
        {"main", "/-/x", TargetKind::file},
        {"noarch", "/main/noarch/a.conda", TargetKind::unknown},
        {"", "/main/noarch/a.conda", TargetKind::unknown},
        {"main/", "/main/noarch/a.conda", TargetKind::unknown},
    });
    for (const Named& n : named) {
        const auto target = psm::find_target_on(n.channel, n.uri, bases);
        check_equal(n.uri, target.kind, n.kind);
        check_same(n.uri, target.channel,
                   n.kind == TargetKind::unknown ? "" : n.channel);
    }
}

void channel_is_a_view_into_the_uri(void** /*state*/)
{
    const std::string uri = "/main/dev/noarch/x";
    const psm::Target target = psm::find_target(uri, root);
    check_that("view", target.channel.data() == uri.data() + 1);
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(channel_ends_at_platform_or_last_segment),
        cmocka_unit_test(pip_and_notebooks_end_a_channel_too),
        cmocka_unit_test(index_files_are_told_by_name),
        cmocka_unit_test(what_names_no_channel_is_unknown),
        cmocka_unit_test(paths_that_others_read_otherwise_are_unknown),
        cmocka_unit_test(longest_base_counts),
        cmocka_unit_test(a_named_channel_takes_the_place_of_the_paths_own),
        cmocka_unit_test(channel_is_a_view_into_the_uri),
    };
    return cmocka_run_group_tests_name("target", tests, nullptr, nullptr);
}
