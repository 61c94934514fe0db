#define BOOST_TEST_MODULE error
#include "pinyon/mmap/error.hpp"

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <set>
#include <string>

namespace {

using pinyon::errc;

[[nodiscard]] bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_code_has_a_name_and_a_message_of_its_own) {
    std::set<std::string> names;
    std::set<std::string> messages;
    constexpr int last = static_cast<int>(errc::misuse);
    for (int value = 1; value <= last; ++value) {
        names.insert(pinyon::name(static_cast<errc>(value)));
        messages.insert(pinyon::category().message(value));
    }
    BOOST_TEST(names.size() == static_cast<std::size_t>(last));
    BOOST_TEST(messages.size() == static_cast<std::size_t>(last));
    BOOST_TEST(names.count("unknown") == 0u);
    BOOST_TEST(pinyon::name(errc::no_space) == std::string("no_space"));
    BOOST_TEST(pinyon::name(errc::commit_unknown) == std::string("commit_unknown"));
    BOOST_TEST(pinyon::name(static_cast<errc>(0)) == std::string("unknown"));
    BOOST_TEST(pinyon::name(static_cast<errc>(last + 1)) == std::string("unknown"));
    BOOST_TEST(contains(pinyon::category().message(last + 1), "unknown"));
}

BOOST_AUTO_TEST_CASE(an_error_carries_code_text_and_page) {
    try {
        pinyon::raise(errc::corrupt, "the checksum does not fit; restore a copy", 17);
    } catch (const pinyon::error& caught) {
        BOOST_TEST((caught.kind() == errc::corrupt));
        BOOST_TEST((caught.code() == errc::corrupt));
        BOOST_TEST((caught.page() == 17u));
        BOOST_TEST(contains(caught.what(), "restore a copy (page 17)"));
        BOOST_TEST(contains(caught.what(), "corrupt"));
        return;
    }
    BOOST_FAIL("nothing was thrown");
}

BOOST_AUTO_TEST_CASE(an_error_without_page_names_none) {
    const pinyon::error error(errc::busy, "another process has it open");
    BOOST_TEST(!error.page().has_value());
    BOOST_TEST(!contains(error.what(), "page"));
}

BOOST_AUTO_TEST_CASE(errors_of_the_system_are_mapped_with_their_remedy) {
    struct row {
        int number;
        errc code;
    };
    constexpr row rows[] = {
        {ENOENT, errc::not_found},    {EEXIST, errc::exists},
        {EISDIR, errc::is_directory}, {EACCES, errc::permission},
        {EPERM, errc::permission},    {EROFS, errc::permission},
        {ENOSPC, errc::no_space},     {EDQUOT, errc::no_space},
        {EFBIG, errc::no_space},      {EIO, errc::io},
        {EMFILE, errc::io},           {ENOMEM, errc::io},
        {EINVAL, errc::io},
    };
    for (const row& each : rows) {
        BOOST_TEST_CONTEXT("errno " << each.number) {
            try {
                pinyon::raise_os(each.number, "opening /some/file");
                BOOST_FAIL("nothing was thrown");
            } catch (const pinyon::error& caught) {
                BOOST_TEST((caught.kind() == each.code));
                BOOST_TEST(contains(caught.what(), "opening /some/file: "));
                BOOST_TEST(
                    contains(caught.what(), std::generic_category().message(each.number) + "; "));
            }
        }
    }
}
