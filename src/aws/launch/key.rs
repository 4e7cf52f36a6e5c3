//! The key pair that EC2 knows: the predecessor's name, with our own key in it. Somebody else's is left as it is.

use crate::aws::client::Clients;
use crate::aws::error::told;
use crate::cloud::Result;
use crate::domain::{Region, tag};
use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types as ec2;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

const NAME: &str = "hg-automation";

/// The two words of a public key that matter: its kind and its base64.
fn words(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    words.next().zip(words.next())
}

/// The name to take where the usual one is somebody else's: it tells the key, so that it never means another.
fn own_name(key: &str) -> String {
    let digest = Sha256::digest(words(key).map_or(key, |(_, base64)| base64).as_bytes());
    digest.iter().take(4).fold(format!("{NAME}-"), |mut name, byte| {
        // writing to a String cannot fail
        let _ = write!(name, "{byte:02x}");
        name
    })
}

/// The name of the key pair that holds `key` (one line as OpenSSH writes it); imported when there is none.
///
/// # Errors
/// What EC2 says.
pub(super) async fn pair(clients: &Clients, owner: &str, region: &Region, key: &str) -> Result<String> {
    let client = clients.ec2(region).await;
    let own = own_name(key);
    let ours = ec2::Filter::builder().name("key-name").values(NAME).values(&own).build();
    // a second look is for the case that somebody imports the same name meanwhile
    for last in [false, true] {
        let answer = client.describe_key_pairs().filters(ours.clone()).include_public_key(true).send().await;
        let answer = answer.map_err(|error| told(&format!("look for key pairs in `{region}`"), error))?;
        let pairs = answer.key_pairs.unwrap_or_default();
        let holds = |pair: &&ec2::KeyPairInfo| pair.public_key().and_then(words) == words(key);
        if let Some(name) = pairs.iter().find(holds).and_then(|pair| pair.key_name()) {
            return Ok(name.to_owned());
        }
        let taken = pairs.iter().any(|pair| pair.key_name() == Some(NAME));
        let name = if taken { own.as_str() } else { NAME };
        let tags = super::tags(ec2::ResourceType::KeyPair, &[(tag::OWNER, owner), (tag::VERSION, super::VERSION)]);
        let import = client.import_key_pair().key_name(name).public_key_material(Blob::new(key.as_bytes()));
        match import.tag_specifications(tags).send().await {
            Ok(_) => return Ok(name.to_owned()),
            Err(error) if !last && super::code(&error).as_deref() == Some("InvalidKeyPair.Duplicate") => {}
            Err(error) => return Err(told(&format!("import key pair `{name}` to `{region}`"), error)),
        }
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_two_first_words() {
        assert_eq!(words("ssh-rsa AAAA hg-automation"), words("ssh-rsa AAAA"));
        assert_ne!(words("ssh-rsa AAAA"), words("ssh-rsa AAAB"));
        assert_eq!(own_name("ssh-rsa AAAA"), own_name("ssh-rsa AAAA me@here"));
        assert_ne!(own_name("ssh-rsa AAAA"), own_name("ssh-rsa AAAB"));
        assert!(own_name("ssh-rsa AAAA").starts_with("hg-automation-"));
    }
}
