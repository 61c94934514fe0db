# Writes the C++ source that holds the page, the style and the script of the report:
#   cmake -DOUTPUT=report_parts.cpp -DFOLDER=tools/report -DMODULES=a.mjs,b.mjs -P embed.cmake
# The modules become one: `import` lines and the word `export` go, and what a module needs stands
# before it. So a name may stand at the left edge of one module only (tests/report checks that).
cmake_minimum_required(VERSION 3.25)

file(READ ${FOLDER}/page.html page)
file(READ ${FOLDER}/page.css style)
set(script "")
string(REPLACE "," ";" modules "${MODULES}")
foreach(module IN LISTS modules)
    file(READ ${FOLDER}/${module} text)
    string(PREPEND text "\n")
    string(REGEX REPLACE "\nimport [^;]*;" "" text "${text}")
    string(REGEX REPLACE "\nexport " "\n" text "${text}")
    # Comments of whole lines are for those who read the sources.
    string(REGEX REPLACE "\n *//[^\n]*" "" text "${text}")
    string(APPEND script "${text}")
endforeach()

set(source "#include \"tools/report_parts.hpp\"\n\nnamespace pinyon::tool::report_parts {\n\n")
foreach(part page style script)
    string(SHA256 hash "${${part}}")
    # Literals are cut where compilers would find them too long.
    string(LENGTH "${${part}}" length)
    string(APPEND source "const char* const ${part} =")
    set(at 0)
    while(at LESS length)
        string(SUBSTRING "${${part}}" ${at} 8000 piece)
        string(APPEND source "\n    R\"pinyon(${piece})pinyon\"")
        math(EXPR at "${at} + 8000")
    endwhile()
    string(APPEND source ";\n")
    if(NOT part STREQUAL "page")
        string(APPEND source "const char* const ${part}_sha256 = \"${hash}\";\n")
    endif()
endforeach()
string(APPEND source "\n}  // namespace pinyon::tool::report_parts\n")
file(WRITE ${OUTPUT} "${source}")
