# Prints what Perl's MIME::tools read in messages: a line of JSON for each file that
# standard input names. See corpora.py.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Encode;
use JSON::PP;
use Mail::Address;
use MIME::Parser;
use MIME::Words qw(decode_mimewords);

sub text { # as text, in the charset if it is known and fits
	my ($bytes, $charset) = @_;
	for my $name ($charset, 'utf-8') {
		my $copy = $bytes;
		my $found = eval { find_encoding($name)->decode($copy, Encode::FB_CROAK) };
		return $found if defined $found;
	}
	return decode('cp1252', $bytes);
}

sub tidy { my $text = join ' ', split ' ', shift; return $text }

sub words {
	my $value = shift // '';
	$value =~ s/\r*\n|\r//g;
	return tidy($value) if $value =~ /[^\0-\xff]/; # decoded already, as the names of files are
	return tidy(join '', map { text($_->[0], $_->[1] // 'utf-8') } decode_mimewords($value));
}

sub addresses {
	my ($head, $name) = @_;
	my @all;
	for my $value ($head->get_all($name)) {
		$value =~ s/\r*\n|\r//g;
		for my $one (Mail::Address->parse($value)) {
			(my $name = $one->phrase) =~ s/"//g;
			push @all, [words($name), words($one->address)];
		}
	}
	return \@all;
}

sub parts {
	my $entity = shift;
	return map { parts($_) } $entity->parts if $entity->parts;
	my $content = $entity->bodyhandle ? $entity->bodyhandle->as_string : '';
	my $name = words($entity->head->recommended_filename);
	(my $plain = $content) =~ s/\r*\n|\r/\n/g;
	my $charset = $entity->head->mime_attr('content-type.charset') || 'utf-8';
	return ['text', $name, text($charset =~ /^utf-16/i ? $content : $plain, $charset), ''] if $entity->mime_type =~ m{^text/}i;
	return [lc $entity->mime_type, $name, sha256_hex($content), sha256_hex($plain)];
}

$| = 1;
while (my $path = <STDIN>) {
	chomp $path;
	my $found = eval {
		my $parser = MIME::Parser->new;
		$parser->output_to_core(1);
		$parser->tmp_to_core(1);
		$parser->decode_headers(0);
		$parser->extract_uuencode(0);
		my $entity = $parser->parse_open($path);
		my $head = $entity->head;
		{ subject => words($head->get('subject', 0)), from => addresses($head, 'from'), to => addresses($head, 'to'),
			date => words($head->get('date', 0)), parts => [parts($entity)] };
	} || { error => substr("$@", 0, 200) };
	print JSON::PP->new->ascii->encode($found), "\n";
}
