# eventcollect_build_epoch_seconds: a date that no right clock is older than, the same for every
# build of a commit. SOURCE_DATE_EPOCH if it is set, else the date of the git commit, else now.

string(TIMESTAMP eventcollect_build_epoch_seconds "%s" UTC) # takes SOURCE_DATE_EPOCH by itself
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  find_package(Git QUIET)
  if(Git_FOUND)
    execute_process(
      COMMAND "${GIT_EXECUTABLE}" -C "${PROJECT_SOURCE_DIR}" log -1 --format=%ct
      OUTPUT_VARIABLE commit_date OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    # A commit dated in the future would make the server refuse the present.
    if(commit_date MATCHES "^[0-9]+$" AND commit_date LESS eventcollect_build_epoch_seconds)
      set(eventcollect_build_epoch_seconds ${commit_date})
    endif()
    unset(commit_date)
  endif()
endif()
