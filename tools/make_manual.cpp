// Writes what an installation has beside the command, from the command line as it is declared:
//
//     pinyon-make-manual page OUTPUT         the manual page
//     pinyon-make-manual completion OUTPUT   the completion of bash
#include <fstream>
#include <iostream>
#include <string_view>

#include "tools/bash_completion.hpp"
#include "tools/manual_page.hpp"

int main(int argc, char** argv) {
    const std::string_view what = argc == 3 ? argv[1] : "";
    if (what != "page" && what != "completion") {
        std::cerr << "usage: pinyon-make-manual page|completion OUTPUT\n";
        return 2;
    }
    std::ofstream out(argv[2], std::ios::binary);
    out << (what == "page" ? pinyon::tool::manual_page(pinyon::tool::described())
                           : pinyon::tool::bash_completion());
    if (!out.flush()) {
        std::cerr << "pinyon-make-manual: cannot write " << argv[2] << '\n';
        return 1;
    }
    return 0;
}
