# Installs the executable of mcp-remote-exec for the user who runs this script, without administrator rights.
#
#   MCP_REMOTE_EXEC_URL   where the files of a release are; default: the release that this script belongs to
#   MCP_REMOTE_EXEC_DIR   directory for the executable; default: %LOCALAPPDATA%\Programs\mcp-remote-exec
#
# A failure leaves an installed version as it is. Works with Windows PowerShell 5.1 and PowerShell 7.

function Install-McpRemoteExec {
  $ErrorActionPreference = 'Stop'
  # Its progress bar slows Windows PowerShell's downloads down tenfold.
  $ProgressPreference = 'SilentlyContinue'
  $name = 'mcp-remote-exec'
  # `deno task release` writes the address here.
  $defaultUrl = ''

  $url = if ($env:MCP_REMOTE_EXEC_URL) { $env:MCP_REMOTE_EXEC_URL } else { $defaultUrl }
  if (-not $url) {
    throw "${name}: the address of the downloads is not decided yet`n  -> Set MCP_REMOTE_EXEC_URL to the address of the files of a release"
  }
  if (-not [Environment]::Is64BitOperatingSystem) {
    throw "${name}: there is no executable for 32-bit Windows`n  -> Run the program from source"
  }
  $dir = if ($env:MCP_REMOTE_EXEC_DIR) { $env:MCP_REMOTE_EXEC_DIR } else { Join-Path $env:LOCALAPPDATA "Programs\$name" }
  # Windows on ARM runs the executable for x64.
  $file = "$name-windows-x64.exe"
  [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12

  New-Item -ItemType Directory -Force -Path $dir | Out-Null
  # In the same directory, so that the last step is one rename.
  $work = Join-Path $dir ".$name.$([Guid]::NewGuid().ToString('N'))"
  New-Item -ItemType Directory -Path $work | Out-Null
  try {
    $sums = Join-Path $work 'SHA256SUMS'
    Invoke-WebRequest -UseBasicParsing -Uri "$url/SHA256SUMS" -OutFile $sums
    $line = Get-Content $sums | Where-Object { ($_ -split '\s+', 2)[1] -eq $file }
    if (-not $line) { throw "${name}: the release has no $file`n  -> Build it with deno task compile" }
    $expected = ($line -split '\s+')[0]
    Write-Output "Downloading $url/$file"
    $program = Join-Path $work "$name.exe"
    Invoke-WebRequest -UseBasicParsing -Uri "$url/$file" -OutFile $program
    $found = (Get-FileHash -Algorithm SHA256 $program).Hash
    if ($found -ne $expected) {
      throw "${name}: $file has the checksum $found, not $expected`n  -> Try again; if it stays, do not use the file"
    }
    $version = & $program --version
    if ($LASTEXITCODE -ne 0) { throw "${name}: $file does not run on this system" }
    $target = Join-Path $dir "$name.exe"
    try {
      Move-Item -Force $program $target
    } catch {
      throw "${name}: cannot replace $target`n  -> End the programs that use it, for example Claude Desktop"
    }
    Write-Output "Installed ${version}: $target"
    if (($env:Path -split ';') -notcontains $dir) {
      Write-Output "$dir is not in PATH. Use the complete path, or add it in Settings > Environment variables."
    }
    Write-Output "Next: & '$target' trust HOST    (adds its keys to known_hosts, if ssh has never reached it)"
    Write-Output "Then: & '$target' install HOST    (adds it to an MCP client, such as Claude Desktop)"
  } finally {
    Remove-Item -Recurse -Force $work
  }
}

# The last line: a script that was cut off while it was downloaded does nothing.
Install-McpRemoteExec
