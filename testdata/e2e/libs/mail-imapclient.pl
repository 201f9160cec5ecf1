# What Perl's Mail::IMAPClient makes of answers of Exchange's: one line for each case, "CASE: ok" or what went wrong.
#
#   mail-imapclient.pl LIMIT NUMBER CASE:PORT:CA...    LIMIT is the seconds for a case, NUMBER the message to move
use strict;
use warnings;
use Mail::IMAPClient;

my ($limit, $number, @ports) = @ARGV;
my $message = "Subject: x\r\n\r\ny\r\n";
my ($port, $ca);

sub login {
    my ($with_login) = @_;
    my $imap = Mail::IMAPClient->new(
        Server => 'localhost', Port => $port, Ssl => [SSL_ca_file => $ca, SSL_verify_mode => 1], Timeout => $limit, Uid => 1,
        ($with_login ? (User => 'alice@example.com', Password => 'alicepass') : ()),
    );
    die "$@\n" unless $imap && ($imap->IsAuthenticated || !$with_login);
    return $imap;
}

# must dies with the library's words unless the result is one.
sub must {
    my ($imap, $result) = @_;
    die(($imap->LastError || 'no result') . "\n") unless defined $result && $result ne '';
    return $result;
}

# refused tells whether the server has refused, over a connection that lasts.
sub refused {
    my ($imap, $result) = @_;
    die(($imap->LastError || 'lost') . "\n") unless $imap->IsConnected;
    return !$result;
}

my %cases = (
    status => sub { must($_[0], $_[0]->status('Drafts', 'MESSAGES')); my $n = $_[0]->message_count('Drafts'); defined $n && $n == 0 },
    strays => sub { my $i = shift; must($i, $i->capability); must($i, $i->noop); must($i, $i->select('Work')) && 1 },
    unavailable => sub { my $i = shift; refused($i, $i->examine('Drafts')) or return 'no error'; must($i, $i->noop) && 1 },
    structure => sub {
        my $i = shift;
        must($i, $i->select('Work'));
        my $part = must($i, $i->get_bodystructure(1));
        my $words = join ' ', map { ref $_ eq 'HASH' ? %$_ : () } map { ref $_ eq 'HASH' ? values %$_ : $_ } $part->{bodydisp};
        $words =~ /report\.pdf/ ? 1 : 'no file name';
    },
    envelope => sub { my $i = shift; must($i, $i->select('Work')); @{ must($i, $i->get_envelope(1))->{to} } == 2 },
    copyuid => sub { my $i = shift; must($i, $i->select('Work')); $i->copy('Drafts', 999); must($i, $i->noop) && 1 },
    move => sub {
        my $i = shift;
        must($i, $i->select('Work'));
        must($i, $i->_imap_command("UID MOVE $number Drafts"));
        must($i, $i->noop) && 1;
    },
    store => sub { my $i = shift; must($i, $i->select('Work')); must($i, $i->store(2, '+FLAGS (\Seen)')) && 1 },
    partial => sub {
        my $i = shift;
        must($i, $i->select('Work'));
        my %got = $i->fetch_hash([1], 'BODY.PEEK[]<0.5>');
        my ($text) = grep { defined } values %{ $got{1} };
        length($text // '') == 5 ? 1 : 'the whole message, ' . length($text // '') . ' bytes';
    },
    holes => sub {
        my $i = shift;
        must($i, $i->select('Work'));
        my %got = $i->fetch_hash([1 .. 6], 'BODY.PEEK[]');
        my $n = grep { exists $_->{'BODY[]'} } values %got;
        $n == 6 ? 1 : "$n of 6 messages";
    },
    numbers => sub {
        my $i = shift;
        $i->Uid(0);
        must($i, $i->select('Work'));
        my @got = $i->search('ALL');
        "@got" eq '1 2 3 4 5 6' ? 1 : "messages @got of 6";
    },
    names => sub {
        my $i = shift;
        my $name = qq(a "b" \\c $number);
        must($i, $i->create($name));
        must($i, $i->select($name));
        scalar(grep { $_ eq $name } $i->folders) == 1;
    },
    longset => sub { my $i = shift; must($i, $i->select('Work')); $i->Maxcommandlength(0); must($i, $i->copy('Drafts', map { 5 * $_ + 2 } 0 .. 2400)) && 1 },
    largecopy => sub { my $i = shift; must($i, $i->select('Work')); must($i, $i->copy('Drafts', '1:120')) && $i->message_count('Drafts') >= 120 },
    keywords => sub { my $i = shift; must($i, $i->select('Work')); $i->store(1, '+FLAGS (\Seen $Forwarded)') for 1 .. 12; must($i, $i->noop) && 1 },
    unknown => sub {
        my $i = shift;
        must($i, $i->select('Work'));
        for (1 .. 4) { $i->_imap_command('GETQUOTAROOT Work'); $i->_imap_command('GETACL Work'); $i->_imap_command('UID SORT (DATE) US-ASCII ALL') }
        must($i, $i->noop) && 1;
    },
    date => sub { my $i = shift; must($i, $i->append_string('Work', $message, '', '7-Nov-2016 18:49:23 +0200')) && 1 },
    errorok => sub { must($_[0], $_[0]->noop) && 1 },
    inbox => sub { must($_[0], $_[0]->status('Drafts', 'MESSAGES')) && 1 },
    namespace => sub { my $i = shift; must($i, $i->namespace) && $i->IsConnected && must($i, $i->noop) && 1 },
    charset => sub { my $i = shift; must($i, $i->select('Work')); scalar(() = $i->search('CHARSET UTF-8 SUBJECT lunch')) > 0 or 'not found' },
    address => sub { my $i = shift; must($i, $i->select('Work')); scalar(() = $i->search('FROM', \'ann@example.com')) == 6 or 'not found' },
    folders => sub {
        my $i = shift;
        my %got = map { $_ => 1 } must($i, [$i->folders])->@*;
        ($got{"Da\tOggetto"} || $got{'Da&AAk-Oggetto'}) && $got{'Public Folders'} ? 1 : 'folders ' . join ', ', sort keys %got;
    },
    idle => sub {
        my $i = shift;
        must($i, $i->select('Work'));
        must($i, login(1)->append_string('Work', $message));
        my $tag = must($i, $i->idle);
        must($i, $i->done($tag));
        must($i, $i->noop) && 1;
    },
    token => sub {
        my $i = shift;
        my $given = "user=alice\@example.com\cAauth=Bearer wrong\cA\cA";
        refused($i, $i->authenticate('XOAUTH2', sub { require MIME::Base64; MIME::Base64::encode_base64($given, '') })) or return 'no error';
        must($i, $i->capability) && 1;
    },
);

$| = 1;
for my $entry (@ports) {
    (my $name, $port, $ca) = split /:/, $entry;
    my $outcome = eval {
        local $SIG{ALRM} = sub { die "no answer\n" };
        local $SIG{__WARN__} = sub { };
        alarm $limit;
        my $imap = login($name ne 'token');
        my $result = $cases{$name}->($imap);
        alarm 0;
        $result;
    };
    alarm 0;
    my $fault = $@;
    $fault =~ s/\s+/ /g;
    $outcome = !defined $outcome ? $fault || 'wrong' : $outcome eq '1' ? 'ok' : $outcome || 'wrong';
    print "$name: $outcome\n";
}
