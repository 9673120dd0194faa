# frozen_string_literal: true

module RefreshClient
  # Of the gem. RefreshClient.library_version is the library's.
  VERSION = "1.0.0"
end
