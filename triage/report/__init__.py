"""Case -> one offline HTML report: words first, and pictures only for who asks."""
