//! Several commands of one `hg`: Mercurial's command server reads them from its standard input and answers in frames. For
//! who has a machine do several things in a row, since most of the time of each goes into starting `hg`.

/// What one command left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// Its exit status.
    pub(super) status: i32,
    /// Standard output.
    pub(super) stdout: Vec<u8>,
}

/// What the server reads.
pub(super) fn requests(commands: &[&[&str]]) -> Vec<u8> {
    let mut all = Vec::new();
    for words in commands {
        let words = words.join("\0");
        all.extend_from_slice(b"runcommand\n");
        all.extend_from_slice(&u32::try_from(words.len()).unwrap_or(u32::MAX).to_be_bytes());
        all.extend_from_slice(words.as_bytes());
    }
    all
}

/// What the server wrote: an answer for each command. None where that is not understood; what a login shell said before
/// it does not matter.
pub(super) fn answers(said: &[u8]) -> Option<Vec<Answer>> {
    const HELLO: &[u8] = b"capabilities: ";
    let hello = said.windows(HELLO.len()).position(|bytes| bytes == HELLO)?.checked_sub(5)?;
    let mut rest = &said[hello..];
    let mut all = Vec::new();
    let mut stdout: Option<Vec<u8>> = None;
    while let Some((&channel, after)) = rest.split_first() {
        let (length, after) = after.split_at_checked(4)?;
        let length = usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?;
        let (bytes, after) = after.split_at_checked(length)?;
        rest = after;
        match (channel, &mut stdout) {
            // the first frame is the greeting
            (b'o', None) => stdout = Some(Vec::new()),
            (b'o', Some(stdout)) => stdout.extend_from_slice(bytes),
            (b'r', Some(stdout)) => {
                let status = i32::from_be_bytes(bytes.try_into().ok()?);
                all.push(Answer { status, stdout: std::mem::take(stdout) });
            }
            (b'e' | b'd', Some(_)) => {}
            // it asks for something, and nobody is there to answer
            _ => return None,
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(channel: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&[channel][..], &length, bytes].concat()
    }

    #[test]
    fn requests_carry_their_length() {
        assert_eq!(requests(&[&["log", "-r."], &["id"]]), b"runcommand\n\0\0\0\x07log\0-r.runcommand\n\0\0\0\x02id");
    }

    #[test]
    fn answers_are_told_apart_and_nonsense_is_none() {
        let hello = frame(b'o', b"capabilities: runcommand\nencoding: UTF-8");
        let said = [
            b"Welcome!\n".to_vec(),
            hello.clone(),
            frame(b'o', b"ab"),
            frame(b'e', b"warning"),
            frame(b'o', b"c"),
            frame(b'r', &[0; 4]),
            frame(b'r', &[0, 0, 0, 255]),
        ]
        .concat();
        let wanted = [Answer { status: 0, stdout: b"abc".to_vec() }, Answer { status: 255, stdout: Vec::new() }];
        assert_eq!(answers(&said).unwrap(), wanted);
        for cut in 1..said.len() {
            // nothing is made up from a part
            assert!(answers(&said[..cut]).is_none_or(|part| wanted.starts_with(&part)), "{cut}");
        }
        assert_eq!(answers(b"hg: unknown command"), None);
        assert_eq!(answers(&[hello, frame(b'L', b"")].concat()), None);
    }
}
