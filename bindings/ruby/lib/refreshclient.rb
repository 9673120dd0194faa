# frozen_string_literal: true

require_relative "refreshclient/version"
require_relative "refreshclient/errors"
require_relative "refreshclient/answer"
require_relative "refreshclient/result"
require_relative "refreshclient/call"
require_relative "refreshclient/library"
require_relative "refreshclient/structures"
require_relative "refreshclient/memory"
require_relative "refreshclient/outcome"
require_relative "refreshclient/lease"
require_relative "refreshclient/refresh"
require_relative "refreshclient/client"

# Refreshes each single-use token once, however many processes of the machine hold it. See Client.
module RefreshClient
  # The version of librefreshclient.so.
  def self.library_version
    Library.version.to_s
  end
end
