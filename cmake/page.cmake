# The chat page in the binary: paceline_embed_page(TARGET SOURCE) gives SOURCE, a file of TARGET, the page's file to embed.
#
# AUTO makes the page when Node and the packages of web/ are there (`scripts/page` fetches both); else the binary carries a plain page that
# says how to get the real one. ON insists. OFF is the plain page.
set(PACELINE_PAGE AUTO CACHE STRING "The chat page in `paceline serve`: AUTO, ON or OFF")
set_property(CACHE PACELINE_PAGE PROPERTY STRINGS AUTO ON OFF)

# Sets `node` to a Node that Vite runs on, or to "", and `reason` to what is missing.
function(paceline_find_node)
  set(node "" PARENT_SCOPE)
  file(GLOB fetched ${PROJECT_SOURCE_DIR}/.tools/node/node_modules/node-linux-*/bin/node)
  find_program(PACELINE_SYSTEM_NODE node)
  mark_as_advanced(PACELINE_SYSTEM_NODE)
  foreach(candidate ${fetched} ${PACELINE_SYSTEM_NODE})
    execute_process(COMMAND ${candidate} --version OUTPUT_VARIABLE version ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    string(REPLACE "v" "" version "${version}")
    if(version VERSION_GREATER_EQUAL 20.19)
      # scripts/lib/node.sh notes which packages it installed; those of an older checkout might not do.
      set(installed "")
      if(EXISTS ${PROJECT_SOURCE_DIR}/web/node_modules/.installed)
        file(READ ${PROJECT_SOURCE_DIR}/web/node_modules/.installed installed)
      endif()
      file(SHA256 ${PROJECT_SOURCE_DIR}/web/package-lock.json wanted)
      if(NOT installed MATCHES "^${wanted}")
        set(reason "the packages of web/ are not installed, or are those of another version" PARENT_SCOPE)
        return()
      endif()
      set(node ${candidate} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  set(reason "there is no Node 20.19 or later" PARENT_SCOPE)
endfunction()

function(paceline_embed_page target source)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/web/package-lock.json)
  set(page ${PROJECT_SOURCE_DIR}/web/plain.html)
  set(policy ${PROJECT_SOURCE_DIR}/web/plain.policy)
  set(coding "")
  if(NOT PACELINE_PAGE STREQUAL "OFF")
    paceline_find_node()
    if(node)
      set(folder ${PROJECT_BINARY_DIR}/page)
      set(page ${folder}/page.html.gz)
      set(policy ${folder}/page.policy)
      set(coding gzip)
      file(GLOB_RECURSE page_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/web/src/*)
      add_custom_command(OUTPUT ${page} ${policy}
        COMMAND ${CMAKE_COMMAND} -E env PACELINE_PAGE_FOLDER=${folder} ${node} node_modules/vite/bin/vite.js build --logLevel warn
        WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}/web
        DEPENDS ${page_sources} ${PROJECT_SOURCE_DIR}/web/index.html ${PROJECT_SOURCE_DIR}/web/vite.config.js
                ${PROJECT_SOURCE_DIR}/web/single_file.js ${PROJECT_SOURCE_DIR}/web/NOTICE ${PROJECT_SOURCE_DIR}/web/package-lock.json
        COMMENT "Making the chat page" VERBATIM)
    elseif(PACELINE_PAGE STREQUAL "ON")
      message(FATAL_ERROR "PACELINE_PAGE=ON: ${reason}; scripts/page fetches what the page is made with")
    else()
      message(STATUS "without the chat page: ${reason}; scripts/page fetches what it is made with")
    endif()
  endif()
  set_property(SOURCE ${source} TARGET_DIRECTORY ${target} PROPERTY OBJECT_DEPENDS ${page} ${policy})
  set_property(SOURCE ${source} TARGET_DIRECTORY ${target} PROPERTY COMPILE_DEFINITIONS
    PACELINE_PAGE_FILE="${page}" PACELINE_PAGE_POLICY_FILE="${policy}" PACELINE_PAGE_CODING="${coding}")
endfunction()
