# eventcollect_embed_text(TARGET FILE HEADER NAME) compiles the bytes of FILE into TARGET as
# `const std::string_view eventcollect::ROOM::NAME`, which HEADER, as "ROOM/file.hpp", declares.
#
# Run as a script (cmake -P) with FILE, HEADER, NAME and OUTPUT it writes that source. The bytes go
# into an array: string literals have a length limit, and raw ones a delimiter that may occur.

if(CMAKE_SCRIPT_MODE_FILE)
  file(READ "${FILE}" bytes HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  get_filename_component(room "${HEADER}" DIRECTORY)
  string(REPEAT "'[^']+'," 14 row)
  string(REGEX REPLACE "(${row})" "\\1\n    " bytes "${bytes}")
  file(WRITE "${OUTPUT}" "#include \"${HEADER}\"

namespace eventcollect::${room} {
namespace {
// One zero more than the text: an empty file is still an array.
constexpr char bytes[] = {
    ${bytes}'\\0'};
}  // namespace
const std::string_view ${NAME}{bytes, sizeof(bytes) - 1};
}  // namespace eventcollect::${room}
")
  return()
endif()

set(eventcollect_embed_script "${CMAKE_CURRENT_LIST_FILE}")

function(eventcollect_embed_text target file header name)
  set(input "${PROJECT_SOURCE_DIR}/${file}")
  set(output "${PROJECT_BINARY_DIR}/embedded/${name}.cpp")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" "-DFILE=${input}" -DHEADER=${header} -DNAME=${name}
      "-DOUTPUT=${output}" -P "${eventcollect_embed_script}"
    DEPENDS "${input}" "${eventcollect_embed_script}"
    COMMENT "Embedding ${file}"
    VERBATIM)
  # A target of another folder would not run the command by itself.
  add_custom_target(${target}_${name} DEPENDS "${output}")
  add_dependencies(${target} ${target}_${name})
  target_sources(${target} PRIVATE "${output}")
endfunction()
