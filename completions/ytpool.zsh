#compdef ytpool

_ytpool_completion() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _YTPOOL_COMPLETE=complete_zsh ytpool)
}

compdef _ytpool_completion ytpool
